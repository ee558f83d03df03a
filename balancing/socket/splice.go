package socket

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// copyPiece is how much is copied at once where there is no pipe, as io.Copy does.
const copyPiece = 32 << 10

// Splicer moves bytes between connections without copying them, by splice(2) through pipes that it keeps. Only what is on its way takes up a
// pipe, not a connection that waits. It is safe for concurrent use. Close ends it.
type Splicer struct{ pipes pipes }

// Copy moves bytes until the stream of from ends or limit of them have been moved. What was read when writing fails is lost.
func (s *Splicer) Copy(to, from *Conn, limit int64) (moved int64, err error) {
	m := move{pipes: &s.pipes}
	defer m.release()
	fill, drain := m.fill, m.drain
	for moved < limit {
		m.most = int(min(limit-moved, pipeSize))
		n, err := m.pass(to, from, fill, drain)
		moved += int64(n)
		if n == 0 || err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// Close closes the pipes that are not in use, and those that are when they come back.
func (s *Splicer) Close() { s.pipes.close() }

// move is what Copy and the callbacks of its connections share.
type move struct {
	pipes *pipes
	pipe  *pipe // nil while waiting for something to read
	most  int   // bytes to be read at once
	errno syscall.Errno
	none  bool   // there is no pipe, or it is of no use
	buf   []byte // in place of one
}

// pass moves what there is to read, for which it waits. n is 0 at the end of the stream.
func (m *move) pass(to, from *Conn, fill, drain func(fd uintptr) bool) (n int, err error) {
	m.none, m.errno = false, 0
	if err := from.read(fill); err != nil {
		return 0, err
	}
	switch {
	case m.none:
		return m.copy(to, from)
	case m.errno != 0:
		return 0, from.failed("read", "splice", m.errno)
	case m.pipe.held == 0:
		return 0, nil
	}
	held := m.pipe.held
	err = to.write(drain)
	if err == nil && m.errno != 0 {
		err = to.failed("write", "splice", m.errno)
	}
	return held - m.pipe.held, err
}

// fill reads into an empty pipe. So where the kernel would wait it is for the connection.
func (m *move) fill(fd uintptr) (done bool) {
	if m.pipe == nil {
		m.pipe = m.pipes.take()
	}
	if m.pipe == nil { // out of descriptors
		m.none = true
		return true
	}
	m.pipe.held, m.errno = splice(int(fd), m.pipe.in, m.most)
	switch m.errno {
	case syscall.EAGAIN:
		m.release()
		return false
	case syscall.EINVAL, syscall.ENOSYS:
		m.none = true
	}
	return true
}

// drain writes what the pipe holds.
func (m *move) drain(fd uintptr) (done bool) {
	for m.pipe.held > 0 {
		var n int
		if n, m.errno = splice(m.pipe.out, int(fd), m.pipe.held); m.errno != 0 {
			return m.errno != syscall.EAGAIN
		}
		m.pipe.held -= n
	}
	return true
}

// copy is pass without a pipe.
func (m *move) copy(to, from *Conn) (n int, err error) {
	if m.buf == nil {
		m.buf = make([]byte, copyPiece)
	}
	n, err = from.Read(m.buf[:min(m.most, copyPiece)])
	if err == io.EOF {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return to.Write(m.buf[:n])
}

// release gives the pipe back.
func (m *move) release() {
	if m.pipe != nil {
		m.pipes.put(m.pipe)
		m.pipe = nil
	}
}

// splice moves as much as can be moved at once, without waiting. The scheduler is told: with 1 MB that may take long.
func splice(from, to, most int) (n int, errno syscall.Errno) {
	for {
		moved, _, errno := syscall.Syscall6(syscall.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(most), unix.SPLICE_F_NONBLOCK)
		switch errno {
		case 0:
			return int(moved), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
