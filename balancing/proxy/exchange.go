package proxy

import (
	"errors"
	"io"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// exchange is one request and what is known of its answer. It keeps copies of what is needed after the request's head is gone
// from the buffer.
type exchange struct {
	service *service
	view    *view
	began   time.Time // its head was whole

	toHead     bool
	idempotent bool
	old        bool // HTTP/1.0
	last       bool // the client sends no request after this one
	keep       bool // the client's connection may be used again
	expect     bool // the client waits for 100 Continue, and has not got it
	websocket  bool
	framing    h1.Framing
	streaming  bool // the body is not in out but is sent by an upload
	bodyRead   bool // nothing of the body is left on the client's connection
	requestID  []byte

	tried      [maxAttempts]*backend
	attempts   int
	backend    *backend  // of the attempt that is not settled yet, or nil
	attemptAt  time.Time // when the present attempt could begin: the request, with its body if that is small, was there
	interim    int
	replied    bool      // the client got the first bytes of a final response
	switchedAt time.Time // when a tunnel began, which is the end of its request; else zero
}

// handle serves the request just read and reports whether the connection may be used again.
func (c *clientConn) handle() bool {
	c.requests++
	x := &c.exchange
	id := x.requestID[:0]
	now := time.Now()
	*x = exchange{began: now, attemptAt: now, requestID: id}
	x.service = c.listener.routes.Load().find(c.req.Host(), &c.hostName)
	x.toHead = c.req.Method() == h1.MethodHead
	x.old = c.req.Minor() == 0
	x.idempotent = c.req.Method().Idempotent()
	x.framing = c.req.Framing()
	x.bodyRead = x.framing.Kind == h1.NoBody
	x.last = !c.req.Persistent()
	x.keep = !x.last
	x.websocket = c.req.WebSocket()
	x.expect = c.req.Continue() && len(c.in.Buffered()) == 0
	x.streaming = x.framing.Kind == h1.ChunkedBody || x.framing.Length > wholeBody || x.expect
	c.takeRequestID()
	if x.service == nil {
		return c.answer(404, "no service here has this host")
	}
	x.service.traffic.begin()
	x.view = x.service.view.Load()
	how, keep := c.run()
	x.service.traffic.end(how, x.end().Sub(x.began))
	return keep
}

// end is when a request that has ended did so.
func (x *exchange) end() time.Time {
	if !x.switchedAt.IsZero() {
		return x.switchedAt
	}
	return time.Now()
}

// run prepares the request as it will be sent and tries backends.
func (c *clientConn) run() (how outcome, keep bool) {
	x := &c.exchange
	if done, how, keep := c.answerOptions(); done {
		return how, keep
	}
	c.out = c.appendRequest(c.out[:0])
	c.canceled.Store(false)
	c.phase = readingBody
	c.body.Reset(&c.in, x.framing)
	if x.framing.Kind != h1.NoBody && !x.streaming {
		if err := c.appendWholeBody(); err != nil {
			return c.bodyFailed(err)
		}
		x.bodyRead = true
		x.attemptAt = time.Now() // the client may have taken long for it
	}
	var last failure
	for x.attempts < maxAttempts {
		b := c.choose()
		if b == nil {
			break
		}
		last = c.attempt(b)
		if last.reason == "" {
			return last.how, c.finishExchange()
		}
		c.settle(last.how, last.how == clientAborted)
		if last.how == clientAborted {
			return c.clientFailed()
		}
		c.server.options.Logger.Debug("attempt failed", "service", x.service.name, "backend", b.id, "reason", last.reason, "again", last.again)
		if !last.again {
			break
		}
		x.attemptAt = time.Now()
	}
	return c.giveUp(last)
}

// giveUp answers a request that no backend has answered.
func (c *clientConn) giveUp(last failure) (outcome, bool) {
	x := &c.exchange
	if err := c.stopUpload(); err != nil {
		return c.bodyFailed(err)
	}
	switch {
	case x.attempts == 0:
		return noBackend, c.answer(503, "no backend of service "+x.service.name+" is ready")
	case last.how == timedOut:
		return timedOut, c.answer(504, last.reason)
	}
	return last.how, c.answer(502, last.reason)
}

// clientFailed ends an exchange whose client has left, or whose body could not be read.
func (c *clientConn) clientFailed() (outcome, bool) {
	if err := c.stopUpload(); err != nil {
		return c.bodyFailed(err)
	}
	c.abort()
	return clientAborted, false
}

// appendWholeBody reads a small body into out, behind the head.
func (c *clientConn) appendWholeBody() error {
	for {
		data, err := c.body.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		c.out = append(c.out, data...)
		c.exchange.service.traffic.bytesIn.Add(uint64(len(data)))
	}
}

// bodyFailed ends an exchange whose request body did not come as announced.
func (c *clientConn) bodyFailed(err error) (outcome, bool) {
	var refused *h1.Error
	switch {
	case errors.As(err, &refused):
		c.exchange.keep = false
		return rejected, c.answer(refused.Status, refused.Reason)
	case isTimeout(err):
		c.exchange.keep = false
		return clientAborted, c.answer(408, "the request body did not come in time")
	}
	c.abort()
	return clientAborted, false
}
