package compress

import (
	"strings"
	"sync"
	"sync/atomic"

	"headroom.dev/headroom"
)

// Coding is a content coding (RFC 9110 section 8.4.1).
type Coding uint8

// The codings there are. Identity is none.
const (
	Identity Coding = iota
	Gzip
	Brotli
	Zstd
	numCodings
)

// String is the coding's name on the wire.
func (c Coding) String() string {
	return [numCodings]string{"identity", "gzip", "br", "zstd"}[c]
}

// maxEncoders bounds what compression keeps in memory: 256 encoders of at most 2.2 MB are 560 MB for a service. Responses that begin beyond that
// are sent plain. An encoder is kept for as long as a response lasts, so that short ones need no more encoders than there are processors.
const maxEncoders = 256

// Policy is the compiled form of headroom.Compression, with the encoders that wait for their next response. It is safe for concurrent use.
type Policy struct {
	order   []Coding // the preferred first; none where compression is disabled
	minSize int64
	types   mediaTypes
	working atomic.Int64
	idle    [numCodings]sync.Pool // of *Encoder
}

// New compiles valid settings.
func New(settings headroom.Compression) *Policy {
	p := &Policy{minSize: int64(settings.MinSize), types: newMediaTypes(settings.Types)}
	if !settings.Enabled {
		return p
	}
	p.order = []Coding{Zstd, Brotli, Gzip}
	if len(settings.Algorithms) > 0 {
		p.order = p.order[:0]
	}
	for _, name := range settings.Algorithms {
		for c := Gzip; c < numCodings; c++ {
			if strings.EqualFold(name, c.String()) {
				p.order = append(p.order, c)
			}
		}
	}
	return p
}

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

// Choose returns the coding of a response for a client that sent these values of Accept-Encoding, and whether others get another one: then
// the response varies by Accept-Encoding, also where it is sent as it is, and AppendFields belongs to its head. A response to HEAD is never
// encoded: it has no bytes, and keeps the length that they would have plain.
func (p *Policy) Choose(acceptEncoding []byte, response Response) (coding Coding, varies bool) {
	if len(p.order) == 0 || response.Status != 200 || response.Encoded || response.Range {
		return Identity, false
	}
	if response.Length >= 0 && (response.Length < p.minSize || response.Length == 0) {
		return Identity, false
	}
	if !p.types.fit(response.ContentType) || hasToken(response.CacheControl, "no-transform") {
		return Identity, false
	}
	if response.ToHead || p.working.Load() >= maxEncoders {
		return Identity, true
	}
	return p.accepted(acceptEncoding), true
}

// Encoder returns an encoder of a coding that Choose returned, not Identity. It must be ended by Close or Discard.
func (p *Policy) Encoder(coding Coding) *Encoder {
	p.working.Add(1)
	e, ok := p.idle[coding].Get().(*Encoder)
	if !ok {
		e = newEncoder(p, coding)
	}
	e.begin()
	return e
}

// take takes an encoder back.
func (p *Policy) take(e *Encoder) {
	p.working.Add(-1)
	p.idle[e.coding].Put(e)
}
