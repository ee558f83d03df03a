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
func (x *exchange) awaitResponse(u call) error {
	limit := x.route.ResponseTimeout
	if r := &x.view.retries; r.perTry > 0 && x.repeatable() && x.moreToTry() {
		limit = min(limit, r.perTry)
	}
	span := min(patience, max(limit/4, time.Millisecond))
	now := x.attemptAt
	if x.taken || x.connected > 0 {
		now = time.Now() // the body or the connection may have taken long
	}
	since := now
	hedgeAfter := x.hedgeAfter()
	for {
		wait := span
		if hedgeAfter > 0 {
			wait = min(wait, max(hedgeAfter-now.Sub(since), time.Millisecond/4))
		}
		err := u.await(&x.res, x.toHead, now, x.within(now, wait))
		now = time.Now()
		switch {
		case err == nil && x.res.Interim():
			if err := x.passInterim(u); err != nil {
				return err
			}
			since = now
		case err == nil && x.res.Switching() && !(x.websocket && x.res.WebSocket()):
			return errInterim
		case err == nil:
			x.headAt = now
			return nil
		case !isTimeout(err):
			return err
		case x.overdue(now):
			return errTooLong
		case x.client.gone(): // also while an upload waits for the backend
			return errClientGone
		case x.upload != nil && x.upload.running():
			since = now // the response's time begins when the request has been sent
		case hedgeAfter > 0 && now.Sub(since) >= hedgeAfter:
			hedgeAfter = 0
			x.hedge(u)
		case now.Sub(since) >= limit:
			return errNoResponse
		case x.expect && (now.Sub(since) >= continueWait || x.client.bodyWaits()):
			if err := x.sendContinue(u); err != nil {
				return err
			}
			since = now
		}
	}
}

// passInterim sends a 1xx on. 100 lets the body come.
func (x *exchange) passInterim(u call) error {
	x.interim++
	if x.interim > maxInterim || x.res.Has(h1.ContentLength) || x.res.Has(h1.TransferEncoding) {
		return errInterim
	}
	if x.res.Status() == 100 {
		if !x.expect {
			return nil
		}
		return x.sendContinue(u)
	}
	x.reply = append(x.res.AppendHead(x.reply[:0], 0), "\r\n"...)
	return x.sendInterim()
}

func (x *exchange) sendContinue(u call) error {
	x.reply = append(h1.AppendStatusLine(x.reply[:0], 100), "\r\n"...)
	if err := x.sendInterim(); err != nil {
		return err
	}
	x.startUpload(u, nil)
	return nil
}

// sendInterim sends the head in reply.
func (x *exchange) sendInterim() error {
	err := x.client.sendInterim(x.reply)
	x.reply = x.reply[:0]
	if err != nil {
		return errClientGone
	}
	return nil
}
