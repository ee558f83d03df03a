package proxy

import (
	"io"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// relay sends the final response on. Its head has been read.
func (c *clientConn) relay(u *upstream) failure {
	x := &c.exchange
	if c.res.Switching() {
		return c.tunnel(u)
	}
	body := c.res.Framing()
	whole := c.uploaded()
	chunked := body.Kind == h1.ChunkedBody || body.Kind == h1.UntilClose
	if chunked && x.old {
		chunked = false // HTTP/1.0 knows no chunks: the end of the connection is the end of the body
		x.keep = false
	}
	x.keep = x.keep && whole && !c.closing()
	c.reply = c.appendResponse(c.reply[:0], body, chunked)
	c.resBody.Reset(&u.reader, body)
	how := outcomeOf(c.res.Status())
	if err := c.copyBody(u, chunked); err != nil {
		return c.relayFailed(u, err)
	}
	reusable := whole && c.res.Persistent() && len(u.reader.Buffered()) == 0
	if c.upload != nil && !whole {
		c.stopUpload()
	}
	c.release(u, reusable)
	c.settle(how, false)
	if err := c.flush(); err != nil {
		c.abort()
		x.keep = false
		return failure{how: clientAborted}
	}
	return failure{how: how}
}

// appendResponse appends the head of the response as the client gets it.
func (c *clientConn) appendResponse(dst []byte, body h1.Framing, chunked bool) []byte {
	x := &c.exchange
	var except h1.Set
	if x.old {
		except = h1.SetOf(h1.Trailer)
	}
	dst = c.res.AppendHead(dst, except)
	switch {
	case chunked:
		dst = h1.AppendFraming(dst, h1.Framing{Kind: h1.ChunkedBody})
	case body.Kind != h1.ChunkedBody:
		dst = c.res.AppendFraming(dst)
	}
	switch {
	case !x.keep:
		dst = append(dst, "Connection: close\r\n"...)
	case x.old:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// release gives a backend's connection back, or closes it where there is any doubt about what would come next on it.
func (c *clientConn) release(u *upstream, reusable bool) {
	if !reusable {
		u.close()
		return
	}
	u.reused = true
	c.exchangeBackend().pool.put(u, time.Now())
}

// exchangeBackend is the backend tried last.
func (c *clientConn) exchangeBackend() *backend { return c.exchange.tried[c.exchange.attempts-1] }

// relayFailed ends an exchange that broke in the middle of the response. The client must not take what it got for the whole, so its
// connection is reset, unless nothing was sent.
func (c *clientConn) relayFailed(u *upstream, err error) failure {
	x := &c.exchange
	u.close()
	if c.uploadError() != nil {
		err = errClientGone
	}
	if err != errClientGone {
		c.exchangeBackend().noteFailure(time.Now(), "in the middle of a response: "+inWords(err))
		if !x.replied {
			return failure{reset, false, "a backend broke the connection in the middle of the response"}
		}
	}
	how := reset
	if err == errClientGone {
		how = clientAborted
	}
	c.settle(how, how == clientAborted)
	c.stopUpload()
	c.abort()
	x.keep = false
	return failure{how: how}
}

// maxReply is how much of a response is gathered before it is sent.
const maxReply = 24 << 10

// copyBody sends head and body, but for what reply still holds at the end. What is there is gathered and sent in one piece; it never waits
// for the backend while it holds something that the client could have.
func (c *clientConn) copyBody(u *upstream, chunked bool) error {
	x := &c.exchange
	for {
		data, err := c.resBody.Poll()
		if err == h1.ErrIncomplete {
			if err := c.flush(); err != nil {
				return errClientGone
			}
			data, err = c.nextPart(u)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		x.service.traffic.bytesOut.Add(uint64(len(data)))
		x.backendBytes(len(data))
		if len(c.reply) > 0 && len(c.reply)+len(data) > maxReply {
			if err := c.flush(); err != nil {
				return errClientGone
			}
		}
		if chunked {
			c.reply = h1.AppendChunkStart(c.reply, len(data))
			c.reply = append(append(c.reply, data...), "\r\n"...)
			continue
		}
		if len(c.reply) == 0 && len(data) >= bufferSize/2 {
			if err := c.send(data); err != nil {
				return errClientGone
			}
			continue
		}
		c.reply = append(c.reply, data...)
	}
	if chunked {
		c.reply = append(c.reply, "0\r\n"...)
		c.reply = c.resBody.AppendTrailers(c.reply)
	}
	return nil
}

func (x *exchange) backendBytes(n int) {
	if x.backend != nil {
		x.backend.traffic.bytesOut.Add(uint64(n))
	}
}

// nextPart waits for the next bytes of the response's body and looks after the client while it waits. There is no limit to the wait: a stream
// of events may be silent for long, and the client can leave.
func (c *clientConn) nextPart(u *upstream) ([]byte, error) {
	for {
		u.read.within(time.Now(), patience)
		data, err := c.resBody.Next()
		if err == nil || !isTimeout(err) {
			return data, err
		}
		if c.upload != nil && c.upload.running() {
			continue // the upload sees whether the client is there
		}
		if c.peek.look() == peekClosed {
			return nil, errClientGone
		}
	}
}

// flush sends what reply holds.
func (c *clientConn) flush() error {
	if len(c.reply) == 0 {
		return nil
	}
	c.exchange.replied = true
	err := c.send(c.reply)
	c.reply = c.reply[:0]
	return err
}

// finishExchange waits for the upload and reports whether the client's connection may be used again.
func (c *clientConn) finishExchange() bool {
	if c.upload != nil {
		<-c.upload.done
		c.exchange.bodyRead = c.upload.finished.Load()
		c.upload = nil
	}
	return c.exchange.keep
}
