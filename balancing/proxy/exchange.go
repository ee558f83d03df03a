package proxy

import (
	"errors"
	"fmt"
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

// failure is why an attempt did not bring a response.
type failure struct {
	how    outcome
	again  bool // another backend may be tried
	reason string
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

// choose picks a backend that was not tried yet and takes a place on it, or returns nil.
func (c *clientConn) choose() *backend {
	x := &c.exchange
	for range 16 { // more only if tables change faster than this loop runs
		v := x.view
		c.excluded.Reset(len(v.backends))
		for _, tried := range x.tried[:x.attempts] {
			for i, b := range v.backends {
				if b == tried {
					c.excluded.Add(i)
				}
			}
		}
		for {
			i := v.picker.Pick(v.candidates, &c.excluded)
			if i < 0 {
				if now := x.service.view.Load(); now != v {
					break // the backends have changed since this request began
				}
				return nil
			}
			b := v.backends[i]
			if b.breaker != nil && !b.breaker.Allow(x.attemptAt) {
				c.excluded.Add(i)
				continue
			}
			if b.acquire() {
				x.tried[x.attempts] = b
				x.attempts++
				return b
			}
			if b.breaker != nil {
				b.breaker.Release(x.attemptAt)
			}
			c.excluded.Add(i)
		}
		x.view = x.service.view.Load()
	}
	return nil
}

// attempt sends the request to b, whose place was taken, and relays the response. A failure without reason is a success.
func (c *clientConn) attempt(b *backend) failure {
	x := &c.exchange
	x.backend = b
	b.traffic.arrivals.Add(1)
	if !x.streaming {
		b.traffic.bytesIn.Add(uint64(x.framing.Length))
	}
	for fresh := false; ; fresh = true {
		u, err := c.connect(b, fresh)
		if err != nil {
			b.noteFailure(time.Now(), err.Error())
			return failure{connectError, true, "could not connect to a backend"}
		}
		sent, err := c.sendRequest(u)
		if err == nil {
			err = c.awaitResponse(u)
		}
		if err == nil {
			return c.relay(u)
		}
		stale := u.reused && !isTimeout(err) && len(u.reader.Buffered()) == 0 && x.interim == 0 && c.upload == nil
		safe := x.idempotent || sent == 0
		u.close()
		if stale && safe {
			continue // the backend closed an idle connection just when we used it: no failure of anyone
		}
		return c.attemptFailed(b, err, safe)
	}
}

// attemptFailed says what an error of an attempt means. safe is whether the request may be sent again as far as its meaning goes.
func (c *clientConn) attemptFailed(b *backend, err error, safe bool) failure {
	if c.uploadError() != nil || err == errClientGone {
		return failure{clientAborted, false, "the client went away"}
	}
	b.noteFailure(time.Now(), inWords(err))
	var refused *h1.Error
	switch {
	case errors.Is(err, errNoResponse):
		return failure{timedOut, false, "a backend did not answer in time"}
	case errors.As(err, &refused):
		return failure{reset, false, "a backend's response was malformed: " + refused.Reason}
	}
	again := safe && c.upload == nil && c.exchange.interim == 0
	return failure{reset, again, "a backend broke the connection"}
}

// inWords says of a backend's error what Go's text leaves to programs.
func inWords(err error) string {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return "closed the connection before its response was whole"
	}
	return err.Error()
}

func (c *clientConn) connect(b *backend, fresh bool) (*upstream, error) {
	if !fresh {
		if u := b.pool.take(); u != nil {
			return u, nil
		}
	}
	u, err := dial(b, time.Duration(c.exchange.view.settings.Timeouts.Connect))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", b.address, err)
	}
	return u, nil
}

// settle accounts for the present attempt, once. Nothing is learned of the backend where the client went away.
func (c *clientConn) settle(how outcome, nothingLearned bool) {
	x := &c.exchange
	b := x.backend
	if b == nil {
		return
	}
	x.backend = nil
	end := x.end()
	if b.breaker != nil {
		if nothingLearned {
			b.breaker.Release(x.attemptAt)
		} else {
			b.breaker.RecordSince(x.attemptAt, end, !c.failed(how))
		}
	}
	b.traffic.end(how, end.Sub(x.attemptAt))
}

// failed reports whether an outcome speaks against the backend: no whole answer, or a status with which it says that it is broken. 501
// and 505 speak of the request.
func (c *clientConn) failed(how outcome) bool {
	switch how {
	case connectError, timedOut, reset:
		return true
	case serverError:
		status := c.res.Status()
		return status >= 502 && status <= 504
	}
	return false
}
