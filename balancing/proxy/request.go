package proxy

import (
	"strconv"

	"headroom.dev/headroom/balancing/h1"
)

// ours are the request fields that are written anew for the backend.
var ours = h1.SetOf(h1.Via, h1.XForwardedFor, h1.XForwardedProto, h1.XForwardedHost, h1.XRequestID, h1.MaxForwards)

const (
	maxRequestID = 128
	hexDigits    = "0123456789abcdef"
)

// appendRequest appends the request's head as the backend gets it. What is for this hop is left out first and our own fields are
// added last, so that no client can have them removed through Connection (CVE-2024-45410).
func (x *exchange) appendRequest(dst []byte) []byte {
	host := x.req.Host()
	if host == nil {
		dst = x.req.AppendHead(dst, []byte(x.conn.local.String()), ours) // HTTP/1.0 without Host: the address the client connected to
	} else {
		dst = x.req.AppendHead(dst, host, ours)
	}
	dst = append(dst, "X-Forwarded-For: "...)
	before := len(dst)
	dst = x.req.AppendList(dst, h1.XForwardedFor)
	if len(dst) > before {
		dst = append(dst, ", "...)
	}
	dst = append(dst, x.conn.clientIP...)
	dst = append(dst, "\r\nX-Forwarded-Proto: http\r\n"...)
	if host != nil {
		dst = append(dst, "X-Forwarded-Host: "...)
		dst = append(dst, host...)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "Via: "...)
	before = len(dst)
	dst = x.req.AppendList(dst, h1.Via)
	if len(dst) > before {
		dst = append(dst, ", "...)
	}
	dst = append(dst, '1', '.', byte('0'+x.req.Minor()))
	dst = append(dst, " headroom\r\nX-Request-Id: "...)
	dst = append(dst, x.requestID...)
	dst = append(dst, "\r\n"...)
	dst = x.appendMaxForwards(dst)
	if x.expect {
		dst = append(dst, "Expect: 100-continue\r\n"...)
	}
	if x.websocket {
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	if x.req.Has(h1.ContentLength) && x.framing.Kind == h1.NoBody {
		dst = append(dst, "Content-Length: 0\r\n"...)
	}
	dst = h1.AppendFraming(dst, x.framing)
	return append(dst, "\r\n"...)
}

// appendMaxForwards passes Max-Forwards on, one lower for OPTIONS (RFC 9110 section 7.6.2).
func (x *exchange) appendMaxForwards(dst []byte) []byte {
	value := x.req.Value(h1.MaxForwards)
	if value == nil {
		return dst
	}
	if x.req.Method() == h1.MethodOptions {
		n, err := strconv.Atoi(string(value))
		if err != nil || n < 1 {
			return dst
		}
		dst = append(dst, "Max-Forwards: "...)
		dst = strconv.AppendInt(dst, int64(n-1), 10)
		return append(dst, "\r\n"...)
	}
	dst = append(dst, "Max-Forwards: "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// answeredOptions answers an OPTIONS that may go no further.
func (x *exchange) answeredOptions() bool {
	if x.req.Method() != h1.MethodOptions || string(x.req.Value(h1.MaxForwards)) != "0" {
		return false
	}
	x.reply = h1.AppendStatusLine(x.reply[:0], 200)
	x.sendAnswer(nil)
	return true
}

// takeRequestID keeps the client's X-Request-Id where it is short and harmless, and makes one where not.
func (x *exchange) takeRequestID() {
	given := x.req.Value(h1.XRequestID)
	if len(given) > 0 && len(given) <= maxRequestID && harmless(given) {
		x.requestID = append(x.requestID, given...)
		return
	}
	x.makeRequestID()
}

// makeRequestID makes one of 16 digits for this connection, which differ between processes by the seed, and 8 for the request.
func (x *exchange) makeRequestID() {
	requests := x.conn.requests.Load()
	high := (x.conn.id + x.conn.server.options.Seed) * 0x9e3779b97f4a7c15
	for shift := 60; shift >= 0; shift -= 4 {
		x.requestID = append(x.requestID, hexDigits[high>>shift&15])
	}
	for shift := 28; shift >= 0; shift -= 4 {
		x.requestID = append(x.requestID, hexDigits[requests>>shift&15])
	}
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
