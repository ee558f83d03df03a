//go:build linux

package origin

import (
	"bytes"
	"fmt"
	"net"
	"runtime"

	"golang.org/x/sys/unix"
)

// ServeHTTP1 answers HTTP/1.1 on an address until the process ends. It is one loop on epoll(7), with one read and one write
// for a request: a goroutine for each connection would read once more in vain and cost about a third more. It answers well
// formed requests without chunked bodies, which is what proxies send.
func ServeHTTP1(address string) error {
	runtime.LockOSThread()
	listening, err := listen(address)
	if err != nil {
		return err
	}
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("make an epoll: %w", err)
	}
	l := &loop{poll: poll, listening: listening, conns: map[int]*conn{}, answers: newAnswers(), buf: make([]byte, 128<<10)}
	if err := l.watch(unix.EPOLL_CTL_ADD, listening, unix.EPOLLIN); err != nil {
		return err
	}
	return l.run()
}

// listen takes the socket of a listener of package net as it is: not blocking.
func listen(address string) (int, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return 0, err
	}
	defer file.Close()
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	return fd, unix.SetNonblock(fd, true)
}

type loop struct {
	poll, listening int
	conns           map[int]*conn
	answers         answers
	buf             []byte
}

// conn is one connection.
type conn struct {
	head []byte // the beginning of a head whose end has not come
	body int    // bytes of the request's body that are still to come
	due  []byte // the answer to the request whose body is coming
	out  []byte // what the socket did not take
}

func (l *loop) watch(operation, fd int, events uint32) error {
	if err := unix.EpollCtl(l.poll, operation, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("watch a socket: %w", err)
	}
	return nil
}

func (l *loop) run() error {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(l.poll, events, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait for sockets: %w", err)
		}
		for _, event := range events[:n] {
			if int(event.Fd) == l.listening {
				l.accept()
				continue
			}
			l.serve(int(event.Fd), event.Events)
		}
	}
}

func (l *loop) accept() {
	for {
		fd, _, err := unix.Accept4(l.listening, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if l.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN) != nil {
			unix.Close(fd)
			continue
		}
		l.conns[fd] = &conn{}
	}
}

// serve reads or writes what there is; connections that fail or end are closed.
func (l *loop) serve(fd int, events uint32) {
	c := l.conns[fd]
	if c == nil {
		return
	}
	alive := true
	if events&unix.EPOLLOUT != 0 {
		alive = l.send(fd, c, nil)
	}
	if alive && events&^unix.EPOLLOUT != 0 {
		n, err := unix.Read(fd, l.buf)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
		case err != nil || n == 0:
			alive = false
		default:
			alive = l.received(fd, c, l.buf[:n])
		}
	}
	if !alive {
		delete(l.conns, fd)
		unix.Close(fd)
	}
}

// received takes bytes of requests and answers those that are complete.
func (l *loop) received(fd int, c *conn, data []byte) bool {
	for len(data) > 0 {
		if c.body == 0 {
			head := data
			if len(c.head) > 0 {
				c.head = append(c.head, data...)
				head = c.head
			}
			end := bytes.Index(head, []byte("\r\n\r\n"))
			if end < 0 {
				if len(c.head) == 0 {
					c.head = append(c.head, data...)
				}
				return true
			}
			data = data[len(data)-(len(head)-end-len("\r\n\r\n")):]
			c.due, c.body = l.answers.to(head[:end]), bodyLength(head[:end])
			c.head = c.head[:0]
		}
		n := min(c.body, len(data))
		c.body, data = c.body-n, data[n:]
		if c.body == 0 && !l.send(fd, c, c.due) {
			return false
		}
	}
	return true
}

// send writes data after what is still to be written.
func (l *loop) send(fd int, c *conn, data []byte) bool {
	waiting := len(c.out) > 0
	if waiting {
		data = append(c.out, data...)
	}
	n, err := unix.Write(fd, data)
	if err == unix.EAGAIN {
		n, err = 0, nil
	}
	if err != nil {
		return false
	}
	if n == len(data) {
		c.out = nil
		return !waiting || l.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN) == nil
	}
	c.out = append([]byte(nil), data[n:]...)
	return waiting || l.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN|unix.EPOLLOUT) == nil
}
