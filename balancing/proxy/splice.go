package proxy

import (
	"io"
	"time"
)

// splice moves the rest of a large body of known length from the backend's socket to the client's without copying it (splice(2)), where
// both are plain. What was gathered before it has been sent.
func (x *exchange) splice(u call) error {
	to, plainClient := x.client.(*h1Client)
	from, plainBackend := u.(*backendConn)
	if !plainClient || !plainBackend || to.tls != nil || from.secure {
		return nil
	}
	if from.body.Left() < spliceFrom {
		return nil
	}
	defer to.tcp.SetWriteDeadline(time.Time{})
	for from.body.Left() >= spliceFrom {
		if err := x.spliceSlice(to, from); err != nil {
			return err
		}
	}
	return nil
}

// spliceSlice moves a part of the body, waiting for the backend for at most patience and then looking after the client.
func (x *exchange) spliceSlice(to *h1Client, from *backendConn) error {
	now := time.Now()
	from.reading.within(now, x.within(now, patience))
	to.tcp.SetWriteDeadline(now.Add(pieceTime))
	slice := min(from.body.Left(), spliceSlice)
	n, err := x.conn.server.splicer.Copy(to.tcp, from.tcp, slice)
	from.body.Skip(n)
	x.sent(int(n))
	switch {
	case err == nil && n < slice: // the backend has closed
		return io.ErrUnexpectedEOF
	case err == nil:
		return nil
	case !isTimeout(err):
		if x.client.gone() {
			return errClientGone
		}
		return err
	case x.overdue(time.Now()):
		return errTooLong
	case x.client.gone() || time.Since(now) >= pieceTime:
		return errClientGone
	}
	return nil
}
