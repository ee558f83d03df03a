package proxy

import (
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// call is the backend's side of one exchange: what differs between the protocols that a backend may speak. The exchange calls it from its
// goroutine, except for writeBody and endBody while an upload runs.
type call interface {
	// send sends the request, its head and behind it a small body, now or with the first await.
	send(x *exchange) error
	// writeBody sends a part of a body that was not sent with the head; endBody ends it with trailer lines.
	writeBody(data []byte) error
	endBody(trailers []byte) error

	// await reads the next head of a response, waiting for at most span; then the error is os.ErrDeadlineExceeded and it may be called again.
	await(res *h1.Response, toHead bool, now time.Time, span time.Duration) error
	// begin prepares for the body of the response just read; pollBody and nextBody are as a client's, nextBody waits for at most span.
	begin(body h1.Framing)
	pollBody() ([]byte, error)
	nextBody(now time.Time, span time.Duration) ([]byte, error)
	appendTrailers(dst []byte) []byte
	// ready reports whether more of the body has surely come, so that nextBody would not wait.
	ready() bool

	// stale reports whether an error of send or await may mean no more than that the backend closed an idle connection just when it was used.
	stale() bool
	// unsent reports whether surely nothing of the request that ended in err was acted upon: it never went out, or the backend said so.
	unsent(err error) bool
	// leaving reports whether the backend has said that the call's connection takes no more requests.
	leaving() bool
	// release ends the call, whose connection may be used again if the response was read to its end and is reusable.
	release(reusable bool, now time.Time)
	// cancel ends the call at once. Any goroutine may call it; it wakes whoever waits.
	cancel()
}
