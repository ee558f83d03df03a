package proxy

import (
	"net/netip"
	"strconv"

	"headroom.dev/headroom/balancing/edit"
	"headroom.dev/headroom/balancing/h1"
)

const (
	// ours are the request fields that are written anew for the backend.
	ours = h1.Set(1<<h1.Via | 1<<h1.XForwardedFor | 1<<h1.XForwardedProto | 1<<h1.XForwardedHost | 1<<h1.Forwarded | 1<<h1.XRequestID |
		1<<h1.MaxForwards)
	// claims are fields by which a proxy tells who the client is, and which nobody else is believed.
	claims = h1.Set(1<<h1.XForwardedPort | 1<<h1.XRealIP)
)

// appendRequest appends the request's head as the backend gets it. What is for this hop is left out first and our own fields are
// added last, so that no client can have them removed through Connection (CVE-2024-45410).
func (x *exchange) appendRequest(dst []byte) []byte {
	host := x.req.Host()
	if host == nil { // HTTP/1.0 without Host: the address the client connected to
		x.scratch = x.conn.destination().AppendTo(x.scratch[:0])
		host = x.scratch
	}
	edits := x.route.Request
	authority := host
	if told := edits.Host(); told != "" {
		x.authority = append(x.authority[:0], told...)
		authority = x.authority
	}
	except := ours
	if !x.conn.trusted {
		except |= claims
	}
	if x.session.given {
		except |= h1.SetOf(h1.Cookie)
	}
	if !x.traced {
		except |= h1.SetOf(h1.Traceparent, h1.Tracestate)
	}
	dst = x.appendHead(dst, authority, except, edits)
	dst = x.appendForwarded(dst, host, edits.Known())
	if x.session.given && !edits.Known().Has(h1.Cookie) {
		dst = x.appendCookies(dst)
	}
	if !x.traced && !edits.Known().Has(h1.Traceparent) {
		dst = append(dst, "traceparent: "...)
		dst = append(dst, x.trace[:]...)
		dst = append(dst, "\r\n"...)
	}
	if !edits.Known().Has(h1.XRequestID) {
		dst = append(dst, "X-Request-Id: "...)
		dst = append(dst, x.requestID...)
		dst = append(dst, "\r\n"...)
	}
	dst = x.appendMaxForwards(dst)
	if x.isCopy {
		dst = append(dst, "Headroom-Mirror: 1\r\n"...)
	}
	dst = edits.Append(dst)
	if x.trailers {
		dst = append(dst, "TE: trailers\r\n"...)
	}
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

// appendHead appends the request line, with the target that the route makes of the client's, and the fields that go on.
func (x *exchange) appendHead(dst, host []byte, except h1.Set, edits *edit.Fields) []byte {
	if edits.Empty() && !x.route.Rewrites() {
		return x.req.AppendHead(dst, host, except)
	}
	x.target = x.target[:0]
	if x.route.Rewrites() {
		x.target = x.route.AppendTarget(x.target, x.req.Target())
	}
	return x.req.AppendEdited(dst, x.target, host, except, edits)
}

// appendForwarded tells the backend who the client is, unless a field is left out by an edit. What the client says of itself is believed
// only if it is a trusted proxy, and then passed on with the client's own address behind it.
func (x *exchange) appendForwarded(dst, host []byte, removed h1.Set) []byte {
	c := x.conn
	if !removed.Has(h1.XForwardedFor) {
		dst = append(dst, "X-Forwarded-For: "...)
		if c.trusted {
			dst = x.appendList(dst, h1.XForwardedFor)
		}
		dst = append(dst, c.clientIP...)
		dst = append(dst, "\r\n"...)
	}
	if !removed.Has(h1.XForwardedProto) {
		dst = append(dst, "X-Forwarded-Proto: "...)
		dst = append(dst, x.believed(h1.XForwardedProto, c.scheme)...)
		dst = append(dst, "\r\n"...)
	}
	if !removed.Has(h1.XForwardedHost) {
		dst = append(dst, "X-Forwarded-Host: "...)
		if told := x.believed(h1.XForwardedHost, ""); told != "" {
			dst = append(dst, told...)
		} else {
			dst = append(dst, host...)
		}
		dst = append(dst, "\r\n"...)
	}
	if c.trusted && x.req.Has(h1.Forwarded) && !removed.Has(h1.Forwarded) {
		dst = append(dst, "Forwarded: "...)
		dst = x.appendList(dst, h1.Forwarded)
		dst = appendForwardedFor(dst, c.client.Addr())
		dst = append(dst, ";proto="...)
		dst = append(dst, c.scheme...)
		dst = append(dst, "\r\n"...)
	}
	if !removed.Has(h1.Via) {
		dst = append(dst, "Via: "...)
		dst = x.appendList(dst, h1.Via)
		dst = append(dst, x.version()...)
		dst = append(dst, " headroom\r\n"...)
	}
	return dst
}

// appendList appends the values of a list that the client sent, if it did, for another to follow.
func (x *exchange) appendList(dst []byte, known h1.Known) []byte {
	before := len(dst)
	dst = x.req.AppendList(dst, known)
	if len(dst) > before {
		dst = append(dst, ", "...)
	}
	return dst
}

// believed is the value of a field, if a trusted proxy sent one, and otherwise what we know.
func (x *exchange) believed(known h1.Known, otherwise string) string {
	if !x.conn.trusted || !x.req.Has(known) {
		return otherwise
	}
	return string(x.req.Value(known))
}

// appendForwardedFor appends an element's first part as RFC 7239 section 6 writes addresses.
func appendForwardedFor(dst []byte, client netip.Addr) []byte {
	if client.Is6() {
		dst = append(dst, `for="[`...)
		dst = client.AppendTo(dst)
		return append(dst, `]"`...)
	}
	dst = append(dst, "for="...)
	return client.AppendTo(dst)
}

// version is that of HTTP which the client speaks, as Via gives it.
func (x *exchange) version() string {
	switch {
	case !x.client.inOrder():
		return "2.0"
	case x.old:
		return "1.0"
	}
	return "1.1"
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
	x.status = 200
	x.reply = h1.AppendStatusLine(x.reply[:0], 200)
	x.sendAnswer(nil)
	return true
}
