package load

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Kind is why a request got no answer.
type Kind string

const (
	// Connect: no connection could be made, also when that timed out.
	Connect Kind = "connect"
	// Timeout: the answer was not complete within Options.Timeout.
	Timeout Kind = "timeout"
	// Reset: the server closed the connection before the answer was complete. A browser may silently repeat a GET
	// when this happens on a reused connection; here it counts, since hiding failures is not what a measurement is for.
	Reset Kind = "reset"
	// Malformed: what came back is not HTTP/1.1.
	Malformed Kind = "malformed"
	// Canceled: the run was canceled while the request was in flight.
	Canceled Kind = "canceled"
)

// kinds in the order of a report.
func kinds() []Kind { return []Kind{Connect, Timeout, Reset, Malformed, Canceled} }

// outcome is how one request ended: a status, or an error and its kind.
type outcome struct {
	status int // 0 when there was no answer
	kind   Kind
	err    error
}

// classify gives an error on an open connection its kind.
func classify(ctx context.Context, err error) outcome {
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return outcome{kind: Canceled, err: context.Cause(ctx)}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return outcome{kind: Timeout, err: err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return outcome{kind: Reset, err: err}
	default:
		return outcome{kind: Malformed, err: err}
	}
}
