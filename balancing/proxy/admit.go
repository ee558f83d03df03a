package proxy

import (
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// admit answers the requests that need no backend, or may not have one.
func (x *exchange) admit() (how outcome, done bool) {
	if x.door.clients && !x.showedCertificate() {
		// RFC 9110 section 15.5.20: the connection was begun for another service, or under another table, which asked for no certificate.
		x.answer(421, "this service needs a client certificate that this connection has not shown")
		return rejected, true
	}
	if x.door.limiting != nil && !x.isCopy && x.admitByRate() { // a copy's original has counted
		return rejected, true
	}
	if x.route.Redirect != 0 {
		x.redirect()
		return redirect, true
	}
	if x.answeredOptions() {
		return success, true
	}
	if limit := x.route.MaxBody; limit > 0 && x.framing.Length > limit {
		return x.bodyFailed(errBodyTooLarge), true
	}
	if o := x.view.overload; o != nil && x.admitLoad(o) {
		return rejected, true
	}
	if !x.passesBreaker() {
		x.why = "service " + x.service.name + " fails: its circuit breaker is open"
		x.answer(503, x.why)
		return noBackend, true
	}
	// Always: the table may change before there is a response, and what was kept last may be another client's.
	x.accept = x.req.AppendList(x.accept[:0], h1.AcceptEncoding)
	return 0, false
}

// showedCertificate reports whether the client may use a service that looks at certificates. A plain connection is from before its listener
// had TLS, and no other can follow on it.
func (x *exchange) showedCertificate() bool {
	state := x.conn.tls
	if state == nil {
		x.keep = false
		return false
	}
	_, allowed := x.conn.server.options.TLS.Client(x.door.service, state)
	return allowed
}

// admitBody counts a part of the request's body and refuses one that turns out to be too large.
func (x *exchange) admitBody(n int) error {
	x.bytesIn += int64(n)
	if limit := x.route.MaxBody; limit > 0 && x.bytesIn > limit {
		return errBodyTooLarge
	}
	return nil
}

// errBodyTooLarge refuses a body that is larger than limits.body allows.
var errBodyTooLarge error = &h1.Error{Status: 413, Reason: "request body is larger than limits.body allows"}

// redirect answers with another place to look at.
func (x *exchange) redirect() {
	host := x.req.Host()
	if host == nil {
		x.answer(400, "a redirect needs Host")
		return
	}
	x.status = x.route.Redirect
	x.reply = h1.AppendStatusLine(x.reply[:0], x.status)
	x.reply = append(x.reply, "Location: "...)
	x.reply = x.route.AppendLocation(x.reply, host, x.req.Target())
	x.reply = append(x.reply, "\r\n"...)
	x.sendAnswer(nil)
}

// late is overdue of an exchange that may be a connection of a TCP service, for which there is no limit.
func (x *exchange) late(now time.Time) bool { return x.route != nil && x.overdue(now) }

// overdue reports whether the time for the whole request is up, if there is a limit to it.
func (x *exchange) overdue(now time.Time) bool {
	limit := x.route.RequestTimeout
	return limit > 0 && now.Sub(x.began) >= limit
}
