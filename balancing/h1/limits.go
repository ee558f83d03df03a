package h1

// Limits bound what a peer can make us keep. The zero value of a field means its default.
type Limits struct {
	// Head is the most bytes of a whole head, start line to blank line. Default 65536 (64 KB: twice what nginx allows by default).
	Head int
	// Line is the most bytes of a request line. Default 16384; RFC 9112 section 3 recommends at least 8000.
	Line int
	// Fields is the most header fields of one head. Default 100, as Apache's LimitRequestFields.
	Fields int
}

const (
	defaultHead   = 64 << 10
	defaultLine   = 16 << 10
	defaultFields = 100

	// maxTrailers is the most bytes of a trailer section: the 4 KB that net/http's own reader looks ahead.
	maxTrailers = 4 << 10
	// maxTrailerFields: real trailers are a checksum or a status.
	maxTrailerFields = 32
	// maxConnectionTokens bounds the work of matching Connection against every field (tokens times fields).
	maxConnectionTokens = 16
	// maxMethod: the longest registered method is UPDATEREDIRECTREF, 17 bytes.
	maxMethod = 24
)

func (l Limits) withDefaults() Limits {
	if l.Head <= 0 {
		l.Head = defaultHead
	}
	if l.Line <= 0 {
		l.Line = defaultLine
	}
	if l.Fields <= 0 {
		l.Fields = defaultFields
	}
	return l
}
