package proxy

import (
	"strconv"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// answer sends a response of our own: the service's page for such, or a problem document (RFC 9457) with the request's ID.
func (x *exchange) answer(status int, detail string) {
	x.status = status
	if x.isGRPC() {
		x.answerGRPC(status, detail)
		return
	}
	kind, body := "application/problem+json", []byte(nil)
	if x.door != nil {
		if page, ok := x.door.pages.find(status); ok {
			kind, body = page.contentType, page.body
		}
	}
	if body == nil {
		x.scratch = appendProblem(x.scratch[:0], status, detail, x.requestID)
		body = x.scratch
	}
	dst := h1.AppendStatusLine(x.reply[:0], status)
	dst = h1.AppendField(dst, "Content-Type", kind)
	dst = append(dst, "X-Request-Id: "...)
	dst = append(dst, x.requestID...)
	dst = append(dst, "\r\n"...)
	dst = x.appendLimits(dst)
	if status == 503 || x.full && status == 429 {
		dst = h1.AppendField(dst, "Retry-After", "1")
	}
	x.reply = dst
	x.sendAnswer(body)
}

// sendAnswer sends the head in reply and a body.
func (x *exchange) sendAnswer(body []byte) {
	x.keep = x.keep && x.bodyRead
	framing := h1.Framing{Kind: h1.LengthBody, Length: int64(len(body))}
	if x.route != nil {
		x.reply = x.route.Response.Append(x.reply)
	}
	x.reply = append(x.reply, *x.conn.server.date.Load()...)
	x.reply = h1.AppendFraming(x.reply, framing)
	if x.toHead || len(body) == 0 {
		framing = h1.Framing{}
	}
	err := x.client.begin(framing)
	if err == nil && framing.Kind != h1.NoBody {
		err = x.client.write(body)
	}
	if err == nil {
		err = x.client.end(nil)
	}
	if err == nil {
		err = x.client.flush()
	}
	if err != nil {
		x.client.abort()
	}
}

func appendProblem(dst []byte, status int, detail string, requestID []byte) []byte {
	dst = append(dst, `{"type":"about:blank","title":"`...)
	dst = append(dst, h1.StatusText(status)...)
	dst = append(dst, `","status":`...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, `,"detail":`...)
	dst = strconv.AppendQuoteToASCII(dst, detail)
	dst = append(dst, `,"requestId":"`...)
	dst = append(dst, requestID...)
	return append(dst, "\"}\n"...)
}

// countMalformed counts a request that could not be read, also for the service that takes requests of any host, if there is one.
func (c *clientConn) countMalformed(began time.Time) {
	c.listener.counts.malformed.Add(1)
	if s := c.listener.routes.Load().fallback; s != nil {
		s.traffic.begin()
		s.traffic.end(rejected, time.Since(began))
	}
}

// turnAway answers a connection beyond a limit and closes it, without waiting. One that begins with TLS is only closed.
func (c *clientConn) turnAway(detail string) {
	c.listener.counts.refused.Add(1)
	defer c.tcp.Close()
	r := c.listener.routes.Load()
	if r.tls != nil || r.tcp != nil {
		return
	}
	x := c.take()
	defer c.put(x)
	client := &h1Client{clientConn: c, x: x} // a new connection has room for the answer: this does not wait
	x.refuse(client, 503, detail, 1)
	c.tcp.Discard(lingerBytes)
}
