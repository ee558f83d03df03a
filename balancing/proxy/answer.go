package proxy

import (
	"errors"
	"io"
	"strconv"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// answer sends a response of our own, as a problem document (RFC 9457) with the request's ID, and reports whether the connection may be
// used again.
func (c *clientConn) answer(status int, detail string) bool {
	x := &c.exchange
	keep := x.keep && x.bodyRead && !c.closing()
	c.appendProblem(status, detail)
	return c.sendAnswer(keep)
}

// appendProblem puts the answer into reply, but for Connection and the blank line, which sendAnswer puts before the body.
func (c *clientConn) appendProblem(status int, detail string) {
	x := &c.exchange
	body := []byte(`{"type":"about:blank","title":"`)
	body = append(body, h1.StatusText(status)...)
	body = append(body, `","status":`...)
	body = strconv.AppendInt(body, int64(status), 10)
	body = append(body, `,"detail":`...)
	body = strconv.AppendQuoteToASCII(body, detail)
	body = append(body, `,"requestId":"`...)
	body = append(body, x.requestID...)
	body = append(body, "\"}\n"...)

	dst := h1.AppendStatusLine(c.reply[:0], status)
	dst = h1.AppendField(dst, "Content-Type", "application/problem+json")
	dst = h1.AppendField(dst, "X-Request-Id", string(x.requestID))
	if status == 503 {
		dst = h1.AppendField(dst, "Retry-After", "1")
	}
	dst = h1.AppendFraming(dst, h1.Framing{Kind: h1.LengthBody, Length: int64(len(body))})
	c.reply = dst
	c.problem = body
}

// sendAnswer ends the head in reply and sends it with the problem, if any.
func (c *clientConn) sendAnswer(keep bool) bool {
	x := &c.exchange
	switch {
	case !keep:
		c.reply = append(c.reply, "Connection: close\r\n"...)
	case x.old:
		c.reply = append(c.reply, "Connection: keep-alive\r\n"...)
	}
	c.reply = append(c.reply, "\r\n"...)
	if !x.toHead {
		c.reply = append(c.reply, c.problem...)
	}
	c.problem = nil
	x.replied = true
	err := c.send(c.reply)
	c.reply = c.reply[:0]
	return keep && err == nil
}

// refuse ends a connection on which no request could be read: with an answer where the client said something that cannot be accepted or
// was too slow, without one where it left or had nothing to say.
func (c *clientConn) refuse(err error) {
	c.exchange = exchange{began: time.Now(), requestID: c.exchange.requestID[:0]}
	c.makeRequestID()
	var refused *h1.Error
	switch {
	case errors.As(err, &refused):
		c.countRejected()
		c.answer(refused.Status, refused.Reason)
	case c.phase == readingHead && isTimeout(err):
		c.countRejected()
		c.answer(408, "the request's head did not come within timeouts.header")
	case err == io.ErrUnexpectedEOF:
		c.countRejected()
	}
}

// countRejected counts a request that could not be read for the service that takes requests of any host, if there is one.
func (c *clientConn) countRejected() {
	if s := c.listener.routes.Load().fallback; s != nil {
		s.traffic.begin()
		s.traffic.end(rejected, time.Since(c.exchange.began))
	}
}

// turnAway answers a connection beyond the limit and closes it, without waiting.
func (c *clientConn) turnAway() {
	c.makeRequestID()
	c.countRejected()
	c.appendProblem(503, "too many connections")
	c.reply = append(c.reply, "Connection: close\r\n\r\n"...)
	c.reply = append(c.reply, c.problem...)
	c.write.exactly(time.Now().Add(lingerTime))
	c.conn.Write(c.reply)
	c.conn.Close()
}
