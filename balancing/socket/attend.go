package socket

// attention is what Attend and its callback share.
type attention struct {
	step  func(fd uintptr) bool
	fd    uintptr // while serve runs
	serve func() (done bool)
}

func (a *attention) init() { a.step = a.call }

func (a *attention) call(fd uintptr) (done bool) {
	a.fd = fd
	return a.serve()
}

// Attend calls serve at once and then whenever there may be something to read, until serve returns true, or the connection is closed or its
// read deadline passes while it waits, which is the error. serve reads with TryRead and may write, look and move deadlines, but must not
// call Read, Ask or Attend.
//
// serve may return false only when it has left nothing to read: when its last TryRead returned [ErrNothing], or fewer bytes than it had room
// for. One thing the latter does not show: that the stream ended right behind the bytes, if the end arrived together with them. Only
// another TryRead finds that out, for the poller tells of both as of one. So serve makes one where the other end is likely to close, or else
// the read deadline is set to when it shall be noticed at the latest, and Attend called again after it.
func (c *Conn) Attend(serve func() (done bool)) error {
	a := &c.attention
	a.serve = serve
	err := c.read(a.step)
	a.serve = nil
	if err != nil {
		return err
	}
	return nil
}

// TryRead reads what is there into p, which is not empty, without waiting; [ErrNothing] where there is nothing. Only the function that
// Attend calls may call it.
func (c *Conn) TryRead(p []byte) (int, error) {
	n, errno := receive(c.attention.fd, p)
	return c.received(n, errno)
}
