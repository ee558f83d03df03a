package h2

import (
	"strings"

	"golang.org/x/net/http2/hpack"
	"headroom.dev/headroom/balancing/h1"
)

// blockKind is which head a header block is.
type blockKind uint8

const (
	requestBlock blockKind = iota
	responseBlock
	trailerBlock
)

// mostString is the longest name or value that is decoded at all: more than fits in a head's frames (147 KB) even in the densest
// Huffman code, which has 5 bits a byte.
const mostString = 256 << 10

// block takes in one header block: it checks the fields and writes them out as HTTP/1.1 lines. It belongs to the reading goroutine.
type block struct {
	decoder *hpack.Decoder
	limits  h1.Limits
	kind    blockKind

	method, scheme, path, authority, status []byte
	seen                                    pseudoSet
	lines                                   []byte // regular fields but host and cookies
	count                                   int    // of lines
	host                                    []byte
	hasHost                                 bool
	cookies                                 []byte // joined by "; "
	hasCookies                              bool
	length                                  int64 // Content-Length, −1 when absent
	size                                    int
	full                                    bool   // the limits are passed: the rest is left out
	bad                                     string // what makes the head malformed; the first thing found
}

type pseudoSet uint8

const (
	hasMethod pseudoSet = 1 << iota
	hasScheme
	hasPath
	hasAuthority
	hasStatus
)

func newBlock(limits h1.Limits) *block {
	b := &block{limits: limits}
	b.decoder = hpack.NewDecoder(mostTable, b.take)
	b.decoder.SetMaxStringLength(mostString)
	return b
}

func (b *block) begin(kind blockKind) {
	b.kind = kind
	b.method, b.scheme, b.path = b.method[:0], b.scheme[:0], b.path[:0]
	b.authority, b.status, b.host = b.authority[:0], b.status[:0], b.host[:0]
	b.lines, b.cookies = b.lines[:0], b.cookies[:0]
	b.seen, b.count, b.size, b.length = 0, 0, 0, -1
	b.hasHost, b.hasCookies, b.full, b.bad = false, false, false, ""
}

func (b *block) malformed(reason string) {
	if b.bad == "" {
		b.bad = reason
	}
}

// take is called by the decoder for each field.
func (b *block) take(f hpack.HeaderField) {
	if b.full || b.bad != "" {
		return
	}
	name, known := fieldNames[f.Name]
	if !known && (len(f.Name) == 0 || !all(f.Name, isName)) {
		b.malformed("field name is empty, unknown with a colon, has upper case, or is not a token")
		return
	}
	b.size += len(f.Name) + len(f.Value) + len(": \r\n")
	if b.size > b.limits.Head {
		b.full = true
		return
	}
	if known && name.role == pseudo {
		b.takePseudo(f)
		return
	}
	if !all(f.Value, isValue) {
		b.malformed("control character in a field value")
		return
	}
	if f.Value != "" && (blank(f.Value[0]) || blank(f.Value[len(f.Value)-1])) {
		b.malformed("field value begins or ends with a space")
		return
	}
	if known && name.role != plain && !b.takeRole(name, f.Value) {
		return
	}
	if b.kind == trailerBlock && forbiddenTrailer(name, f.Name) {
		return
	}
	if b.count > b.limits.Fields {
		b.full = true
		return
	}
	b.count++
	b.lines = append(b.lines, f.Name...)
	b.lines = append(b.lines, ": "...)
	b.lines = append(b.lines, f.Value...)
	b.lines = append(b.lines, "\r\n"...)
}

// takePseudo takes a pseudo-header field: each at most once, before all others, of the right kind of head (RFC 9113 section 8.3).
func (b *block) takePseudo(f hpack.HeaderField) {
	var bit pseudoSet
	var into *[]byte
	switch f.Name {
	case ":method":
		bit, into = hasMethod, &b.method
	case ":scheme":
		bit, into = hasScheme, &b.scheme
	case ":path":
		bit, into = hasPath, &b.path
	case ":authority":
		bit, into = hasAuthority, &b.authority
	case ":status":
		bit, into = hasStatus, &b.status
	}
	switch {
	case b.kind == trailerBlock:
		b.malformed("pseudo-header field in trailers")
	case (b.kind == responseBlock) != (bit == hasStatus):
		b.malformed("pseudo-header field of the other direction")
	case b.seen&bit != 0:
		b.malformed("pseudo-header field given twice")
	case b.count > 0 || b.hasHost || b.hasCookies:
		b.malformed("pseudo-header field after a regular one")
	}
	b.seen |= bit
	*into = append(*into, f.Value...)
}

// takeRole takes a field that has a meaning here; false if it is not to become a line, or is malformed.
func (b *block) takeRole(name *fieldName, value string) bool {
	switch name.role {
	case hop:
		b.malformed("field of the connection: " + name.text)
		return false
	case te:
		if !strings.EqualFold(value, "trailers") {
			b.malformed("TE is not exactly trailers")
			return false
		}
	case length:
		return b.kind != trailerBlock && b.takeLength(value)
	case host:
		if b.kind != requestBlock {
			return b.kind == responseBlock
		}
		if b.hasHost {
			b.malformed("more than one Host")
		}
		b.hasHost = true
		b.host = append(b.host, value...)
		return false
	case cookie:
		if b.kind != requestBlock {
			return b.kind == responseBlock
		}
		if b.hasCookies {
			b.cookies = append(b.cookies, "; "...)
		}
		b.hasCookies = true
		b.cookies = append(b.cookies, value...)
		return false
	}
	return true
}

func (b *block) takeLength(value string) bool {
	if b.length >= 0 {
		b.malformed("more than one Content-Length")
		return false
	}
	n, ok := parseLength(value)
	if !ok {
		b.malformed("Content-Length is not a decimal number below 2^63")
		return false
	}
	b.length = n
	return true
}

// forbiddenTrailer reports a field that RFC 9110 section 6.5.1 forbids in trailers, also when it is spelled with underscores, which CGI
// and WSGI read as dashes.
func forbiddenTrailer(name *fieldName, text string) bool {
	if name != nil {
		return name.notInTrailers
	}
	if !strings.Contains(text, "_") {
		return false
	}
	alias := fieldNames[strings.ReplaceAll(text, "_", "-")]
	return alias != nil && (alias.notInTrailers || alias.role == hop)
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// parseLength reads 1 to 19 digits below 2^63 and nothing else.
func parseLength(s string) (int64, bool) {
	if len(s) == 0 || len(s) > 19 {
		return 0, false
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return int64(n), n < 1<<63
}
