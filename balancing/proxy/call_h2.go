package proxy

import (
	"errors"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/h2"
)

// h2Call is a call on one stream of an HTTP/2 connection.
type h2Call struct {
	stream *h2.Stream
	pooled *h2Pooled
	limits h1.Limits
	began  bool // the head was given to the stream
}

func (u *h2Call) send(x *exchange) error {
	head, body := x.out[:x.headLength], x.out[x.headLength:]
	u.stream.SetWriteDeadline(x.attemptAt.Add(pieceTime))
	if err := u.stream.WriteHead(head, x.framing.Kind == h1.NoBody); err != nil {
		return err
	}
	u.began = true
	// The backend may not want the request whole because it has answered already (RFC 9113 section 8.1), so what breaks from here on is for
	// await to tell: behind an answer, if one has come.
	if len(body) > 0 {
		if err := u.stream.Write(body, true); isTimeout(err) {
			return err
		}
	}
	_ = u.stream.Flush()
	return nil
}

func (u *h2Call) writeBody(data []byte) error {
	u.stream.SetWriteDeadline(time.Now().Add(pieceTime))
	if err := u.stream.Write(data, false); err != nil {
		return err
	}
	return u.stream.Flush()
}

func (u *h2Call) endBody(trailers []byte) error {
	if err := u.stream.WriteTrailers(trailers); err != nil {
		return err
	}
	return u.stream.Flush()
}

func (u *h2Call) await(res *h1.Response, toHead bool, now time.Time, span time.Duration) error {
	u.stream.SetReadDeadline(now.Add(span))
	head, err := u.stream.ReadHead()
	if err != nil {
		return err
	}
	res.Reset(toHead)
	_, err = res.Parse(head, u.limits)
	return err
}

func (u *h2Call) begin(h1.Framing)                 {}
func (u *h2Call) ready() bool                      { return false }
func (u *h2Call) pollBody() ([]byte, error)        { return u.stream.Poll() }
func (u *h2Call) appendTrailers(dst []byte) []byte { return append(dst, u.stream.Trailers()...) }

func (u *h2Call) nextBody(now time.Time, span time.Duration) ([]byte, error) {
	u.stream.SetReadDeadline(now.Add(span))
	return u.stream.Next()
}

func (u *h2Call) stale() bool   { return u.pooled.served.Load() }
func (u *h2Call) leaving() bool { return !u.pooled.client.Usable() }

func (u *h2Call) unsent(err error) bool {
	var stream *h2.StreamError
	return !u.began || errors.As(err, &stream) && stream.Refused()
}

// release gives the place back. A response that was not read to its end is reset.
func (u *h2Call) release(reusable bool, _ time.Time) {
	if reusable && !u.pooled.served.Load() {
		u.pooled.served.Store(true)
	}
	u.stream.Close()
}

func (u *h2Call) cancel() { u.stream.Reset(h2.Cancel) }
