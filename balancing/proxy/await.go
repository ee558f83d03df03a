package proxy

import (
	"errors"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

var (
	errClientGone = errors.New("the client closed the connection")
	errNoResponse = errors.New("no response within timeouts.response")
	errInterim    = errors.New("too many interim responses, or one with a body, or a switch of protocols that was not asked for")
)

// awaitResponse reads the head of the final response. Interim ones are passed on. While it waits it looks after the
// client now and then, so that a client that leaves frees the backend.
func (c *clientConn) awaitResponse(u *upstream) error {
	x := &c.exchange
	limit := time.Duration(x.view.settings.Timeouts.Response)
	span := min(patience, max(limit/4, time.Millisecond))
	now := x.attemptAt
	since := now
	for {
		u.read.within(now, span)
		err := u.reader.ReadResponse(&c.res, x.toHead)
		now = time.Now()
		switch {
		case err == nil && c.res.Interim():
			if err := c.passInterim(u); err != nil {
				return err
			}
			since = now
		case err == nil && c.res.Switching() && !(x.websocket && c.res.WebSocket()):
			return errInterim
		case err == nil:
			return nil
		case !isTimeout(err):
			return err
		case c.upload != nil && c.upload.running():
			since = now // the response's time begins when the request has been sent
		case c.peek.look() == peekClosed:
			return errClientGone
		case now.Sub(since) >= limit:
			return errNoResponse
		case x.expect && (now.Sub(since) >= continueWait || c.peek.look() == peekData):
			if err := c.sendContinue(u); err != nil {
				return err
			}
			since = now
		}
	}
}

// passInterim sends a 1xx on. 100 lets the body come; other than HTTP/1.1 clients do not know them.
func (c *clientConn) passInterim(u *upstream) error {
	x := &c.exchange
	x.interim++
	if x.interim > maxInterim || c.res.Has(h1.ContentLength) || c.res.Has(h1.TransferEncoding) {
		return errInterim
	}
	if c.res.Status() == 100 {
		if !x.expect {
			return nil
		}
		return c.sendContinue(u)
	}
	if x.old {
		return nil
	}
	c.reply = append(c.res.AppendHead(c.reply[:0], 0), "\r\n"...)
	if c.send(c.reply) != nil {
		return errClientGone
	}
	return nil
}

func (c *clientConn) sendContinue(u *upstream) error {
	c.reply = append(h1.AppendStatusLine(c.reply[:0], 100), "\r\n"...)
	if c.send(c.reply) != nil {
		return errClientGone
	}
	c.startUpload(u)
	return nil
}
