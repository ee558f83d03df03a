package socket

import "syscall"

// asker is what Ask and its callback share.
type asker struct {
	step     func(fd uintptr) bool
	request  []byte
	into     []byte
	began    bool
	stale    bool
	sent, n  int
	writeErr syscall.Errno
	readErr  syscall.Errno
}

func (a *asker) init() { a.step = a.advance }

// advance is called by the poller's side of Ask. From before the first call on, whatever arrives makes another call. So when the first one
// has found nothing there, it may send and wait, and what comes between the two is not missed.
func (a *asker) advance(fd uintptr) (done bool) {
	if a.began {
		a.n, a.readErr = receive(fd, a.into)
		return a.readErr != syscall.EAGAIN
	}
	a.began = true
	if _, errno := receive(fd, a.into); errno != syscall.EAGAIN {
		a.stale = true
		return true
	}
	a.sent, a.writeErr = transmitAll(fd, nil, a.request, 0)
	return a.writeErr != 0
}

// Ask sends a request whole and then reads as Read does: into gets the first bytes of the answer. It is for a connection on which the
// other end speaks only when asked: where that has sent something before, or has closed, Ask returns [ErrStale] and has sent nothing. sent
// is how much of the request the kernel took, also with an error, and all of it where n is not 0. Neither slice may be empty, and no
// other goroutine may write or read meanwhile. The read deadline holds for the answer.
func (c *Conn) Ask(request, into []byte) (sent, n int, err error) {
	a := &c.asker
	a.request, a.into, a.began, a.stale, a.sent, a.n, a.writeErr, a.readErr = request, into, false, false, 0, 0, 0, 0
	err = c.read(a.step)
	a.request, a.into = nil, nil
	switch {
	case err != nil:
		return a.sent, 0, err
	case a.stale:
		return 0, 0, ErrStale
	case a.writeErr == syscall.EAGAIN: // the other end is slow to take it; waiting for that is Write's business
		more, err := c.Write(request[a.sent:])
		if err != nil {
			return a.sent + more, 0, err
		}
		n, err = c.Read(into)
		return len(request), n, err
	case a.writeErr != 0:
		return a.sent, 0, c.failed("write", "sendto", a.writeErr)
	}
	n, err = c.received(a.n, a.readErr)
	return a.sent, n, err
}
