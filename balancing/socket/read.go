package socket

import "syscall"

// reader is what Read and its callback share; one goroutine at a time reads, by Read, Ask or Attend.
type reader struct {
	step  func(fd uintptr) bool // made once, so that a Read allocates nothing
	into  []byte
	n     int
	errno syscall.Errno
}

func (r *reader) init() { r.step = r.read }

// read is called by the poller's side of Read, first at once and then when there may be something.
func (r *reader) read(fd uintptr) (done bool) {
	r.n, r.errno = receive(fd, r.into)
	return r.errno != syscall.EAGAIN
}

// Read reads at least one byte, where p has room for one, or returns an error; [io.EOF] at the end of the stream.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r := &c.reader
	r.into = p
	err := c.read(r.step)
	r.into = nil
	if err != nil {
		return 0, err
	}
	return c.received(r.n, r.errno)
}
