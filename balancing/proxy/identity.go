package proxy

import (
	"math/rand/v2"

	"headroom.dev/headroom/balancing/h1"
)

const (
	maxRequestID = 128
	hexDigits    = "0123456789abcdef"
	// traceLength is that of a traceparent of version 00: version, trace, parent, flags (W3C Trace Context, section 3.2).
	traceLength = 2 + 1 + 32 + 1 + 16 + 1 + 2
)

// takeRequestID keeps the client's X-Request-Id where it is short and harmless, and makes one where not.
func (x *exchange) takeRequestID() {
	given := x.req.Value(h1.XRequestID)
	if len(given) > 0 && len(given) <= maxRequestID && harmless(given) {
		x.requestID = append(x.requestID[:0], given...)
		return
	}
	x.makeRequestID()
}

// makeRequestID makes one of 16 digits for this connection, which differ between processes by the seed, and 8 for the request.
func (x *exchange) makeRequestID() {
	high := (x.conn.id + x.conn.server.options.Seed) * 0x9e3779b97f4a7c15
	x.requestID = appendHex(x.requestID[:0], high, 16)
	x.requestID = appendHex(x.requestID, x.number, 8)
}

// appendHex appends the lowest digits of a number.
func appendHex(dst []byte, n uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[n>>shift&15])
	}
	return dst
}

// harmless allows letters, digits and punctuation that mean nothing in JSON, logs or shells.
func harmless(id []byte) bool {
	for _, b := range id {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !letter && b != '-' && b != '_' && b != '.' && b != ':' && b != '/' && b != '+' && b != '=' {
			return false
		}
	}
	return true
}

// takeTrace keeps the trace that the client's traceparent names, or begins one where there is none that is valid.
func (x *exchange) takeTrace() {
	given := x.req.Value(h1.Traceparent)
	if x.traced = given != nil && validTrace(given); x.traced {
		copy(x.trace[:], given)
		return
	}
	sampled := byte('0')
	if share := x.door.settings.TraceSampling; share >= 1 || share > 0 && rand.Float64() < share {
		sampled = '1'
	}
	made := append(x.trace[:0], "00-"...)
	made = appendHex(made, rand.Uint64()|1, 16) // not all zero, which would be invalid
	made = appendHex(made, rand.Uint64(), 16)
	made = appendHex(append(made, '-'), rand.Uint64()|1, 16)
	_ = append(made, '-', '0', sampled)
}

// traceID is the trace's own part of traceparent.
func (x *exchange) traceID() []byte { return x.trace[3:35] }

// validTrace applies W3C Trace Context, section 3.2.2: lower-case digits, neither ID all zero, versions other than 00 may be longer, ff is none.
func validTrace(v []byte) bool {
	if len(v) < traceLength || v[2] != '-' || v[35] != '-' || v[52] != '-' {
		return false
	}
	if string(v[:2]) == "ff" || len(v) > traceLength && (string(v[:2]) == "00" || v[traceLength] != '-') {
		return false
	}
	return lowerHex(v[:2]) && lowerHex(v[3:35]) && lowerHex(v[36:52]) && lowerHex(v[53:55]) && !zeros(v[3:35]) && !zeros(v[36:52])
}

func lowerHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != '0' {
			return false
		}
	}
	return true
}
