package compress

import "headroom.dev/headroom"

// Coding is a content coding (RFC 9110 section 8.4.1).
type Coding uint8

// The codings there are. Identity is none.
const (
	Identity Coding = iota
	Gzip
	Brotli
	Zstd
)

// Response is what a decision needs to know of a final response and its request. The bytes are not kept.
type Response struct {
	Status       int
	ToHead       bool   // the request was HEAD
	Length       int64  // Content-Length; −1 when it is not known
	ContentType  []byte // value of the field
	CacheControl []byte // all values
	Encoded      bool   // it has Content-Encoding
	Range        bool   // it has Content-Range
}

// Policy is the compiled form of headroom.Compression. It is safe for concurrent use.
type Policy struct{}

// New compiles valid settings.
func New(settings headroom.Compression) *Policy { return &Policy{} }

// Choose returns the coding of a response for a client that sent these values of Accept-Encoding, and whether others get another one: then
// the response varies by Accept-Encoding, also where it is sent as it is.
func (p *Policy) Choose(acceptEncoding []byte, response Response) (coding Coding, varies bool) {
	return Identity, false
}

// Encoder returns an encoder of a coding other than Identity. It must be ended by Close or Discard.
func (p *Policy) Encoder(coding Coding) *Encoder { return &Encoder{} }
