package proxy

import "headroom.dev/headroom/balancing/h1"

// client is the client's side of one exchange: what differs between the protocols that a client may speak. The exchange calls it from
// its goroutine, except for the request's body, which an upload reads while it runs.
//
// Heads are HTTP/1.1 text in either protocol: what comes by HTTP/2 has passed the same strict parser, and what goes is made from the
// same composed head.
type client interface {
	// pollBody returns the next part of the request's body if it is there; h1.ErrIncomplete if not, io.EOF at the end. nextBody waits
	// for it, no longer than the timeouts allow. A part is valid until the next call.
	pollBody() ([]byte, error)
	nextBody() ([]byte, error)
	// appendTrailers appends the trailer fields of a body that has ended, as lines.
	appendTrailers(dst []byte) []byte
	// cancelBody makes nextBody fail from now on, also one that waits already. Any goroutine may call it.
	cancelBody()
	// bodyWaits reports whether some of the body has come although it was not asked for yet.
	bodyWaits() bool

	// sendInterim sends a whole 1xx head at once.
	sendInterim(head []byte) error
	// begin takes the head of the final response, which is in the exchange's reply but for Transfer-Encoding, Connection and the
	// blank line, and a body of this framing. write, end (with trailer lines) and flush follow; what is written may wait for flush.
	begin(body h1.Framing) error
	write(data []byte) error
	end(trailers []byte) error
	flush() error
	// finish ends an exchange that has been answered and reports whether the client may ask again.
	finish() (again bool)

	// inOrder reports whether the next request comes behind this one's body, so that a body which is not read ends the connection.
	inOrder() bool
	// gone reports whether the client has left.
	gone() bool
	// abort ends the exchange so that the client cannot take what it got for the whole.
	abort()
}
