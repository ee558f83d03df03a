package proxy

import (
	"errors"
	"io"
	"time"

	"headroom.dev/headroom/balancing/compress"
	"headroom.dev/headroom/balancing/h1"
)

// relay sends the final response on. Its head has been read.
func (x *exchange) relay(u call) failure {
	x.status = x.res.Status()
	x.firstByte = x.headAt.Sub(x.attemptAt)
	x.learn(x.headAt, outcomeOf(x.status))
	x.findReport()
	if x.res.Switching() {
		return x.tunnel(u)
	}
	body := x.res.Framing()
	if x.client.inOrder() {
		x.keep = x.keep && x.uploaded()
	}
	x.coding = compress.Identity
	u.begin(body)
	if x.trails(u) {
		body = h1.Framing{Kind: h1.ChunkedBody}
	}
	x.reply = x.appendResponse(x.reply[:0], body)
	how := outcomeOf(x.status)
	if err := x.copyResponse(u, body); err != nil {
		return x.relayFailed(u, err)
	}
	whole := x.uploaded()
	if !whole {
		x.client.cancelBody()
		u.cancel()
		x.haltUpload()
	}
	x.calls(nil)
	x.ended = time.Now()
	u.release(whole && x.res.Persistent(), x.ended)
	x.settle(how, false)
	if err := x.client.flush(); err != nil {
		x.why = errClientGone.Error()
		x.client.abort()
		return failure{how: clientAborted}
	}
	return failure{how: how}
}

// trails reports whether a response may have trailers although its length was told, as HTTP/2 allows (RFC 9113 section 8.1). HTTP/1.1 has a
// place for them only behind chunks, so there the length gives way, if the backend has announced them.
func (x *exchange) trails(u call) bool {
	if _, http2 := u.(*h2Call); !http2 || x.toHead || x.old || x.status == 204 || x.status == 304 || x.res.Length() < 0 {
		return false
	}
	return !x.client.inOrder() || x.res.Has(h1.Trailer)
}

// relayFailed ends an exchange that broke in the middle of the response. The client must not take what it got for the whole, so its
// side is reset, unless nothing was sent.
func (x *exchange) relayFailed(u call, err error) failure {
	x.hangUp(u)
	if x.uploadError() != nil || x.client.gone() {
		err = errClientGone
	}
	if x.expires(err) {
		err = errExpired
	}
	if err != errClientGone && err != errExpired {
		x.lastTried().noteFailure(time.Now(), "in the middle of a response: "+inWords(err))
		if !x.replied && err == errTooLong {
			return failure{timedOut, false, err.Error()}
		}
		if !x.replied {
			x.bytesOut = 0
			return failure{reset, x.view.retries.reset && x.repeatable(), "a backend broke the connection in the middle of the response"}
		}
	}
	how := reset
	switch err {
	case errClientGone, errExpired:
		how = clientAborted
	case errTooLong:
		how = timedOut
	}
	x.why = inWords(err)
	x.settle(how, how == clientAborted)
	x.upload = nil
	x.client.abort()
	return failure{how: how}
}

// lastTried is the backend of the last attempt.
func (x *exchange) lastTried() *backend { return x.tried[x.attempts-1] }

// copyResponse sends head and body, but for what the client's side still holds at the end. It never waits for the backend while that
// holds something that the client could have.
func (x *exchange) copyResponse(u call, body h1.Framing) error {
	if x.coding != compress.Identity {
		return x.compressResponse(u)
	}
	if x.client.begin(body) != nil {
		return errClientGone
	}
	for {
		data, err := u.pollBody()
		if err == h1.ErrIncomplete {
			if err := x.pause(u); err != nil {
				return err
			}
			data, err = x.nextPart(u)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		x.sent(len(data))
		if x.client.write(data) != nil {
			return errClientGone
		}
	}
	x.scratch = x.takeReport(u.appendTrailers(x.scratch[:0]))
	if x.client.end(x.scratch) != nil {
		return errClientGone
	}
	return nil
}

// pause sends what was gathered before the backend is waited for, and moves what can be moved without being read.
func (x *exchange) pause(u call) error {
	if u.ready() {
		return nil
	}
	if x.client.flush() != nil {
		return errClientGone
	}
	return x.splice(u)
}

// sent counts a part of the response's body.
func (x *exchange) sent(n int) {
	x.bytesOut += int64(n)
	x.service.traffic.bytesOut.Add(uint64(n))
	if x.backend != nil {
		x.backend.traffic.bytesOut.Add(uint64(n))
	}
}

// errTooLong ends a request that takes longer than its timeouts.request.
var errTooLong = errors.New("the request took longer than timeouts.request")

// nextPart waits for the next bytes of the response's body and looks after the client while it waits. There is no limit to the wait, unless the
// request as a whole has one: a stream of events may be silent for long, and the client can leave.
func (x *exchange) nextPart(u call) ([]byte, error) {
	for {
		now := time.Now()
		data, err := u.nextBody(now, x.within(now, patience))
		if err == nil || !isTimeout(err) {
			return data, err
		}
		if x.overdue(time.Now()) {
			return nil, errTooLong
		}
		if x.client.gone() {
			return nil, errClientGone
		}
	}
}

// within shortens a wait to what is left for the whole request.
func (x *exchange) within(now time.Time, span time.Duration) time.Duration {
	limit := x.route.RequestTimeout
	if limit <= 0 {
		return span
	}
	return max(min(span, limit-now.Sub(x.began)), time.Millisecond)
}
