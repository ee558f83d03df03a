package socket

import (
	"encoding/binary"
	"fmt"
	"sync"
	"syscall"
)

// Lot is where connections are parked that nobody waits on: one goroutine attends to all of them, by an epoll of its own. A goroutine that
// waits costs 2.5 KB or more, a parked connection two words.
type Lot struct {
	epoll int
	stop  int // an eventfd that ends the wait
	done  chan struct{}

	mu     sync.Mutex // guards what follows
	parked []Parked   // by file descriptor
	times  uint64     // how often a connection was parked
	closed bool
}

// Parked is the owner of a parked connection.
type Parked interface {
	// Ready is called once, when there is something to read or the connection has ended. It must return soon.
	Ready()
}

// NewLot opens a lot. Close ends it.
func NewLot() (*Lot, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open an epoll for idle connections: %w", err)
	}
	stop, _, errno := syscall.Syscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		syscall.Close(epoll)
		return nil, fmt.Errorf("open an eventfd for idle connections: %w", errno)
	}
	l := &Lot{epoll: epoll, stop: int(stop), done: make(chan struct{})}
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(l.stop)}
	if err := syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, l.stop, &event); err != nil {
		syscall.Close(epoll)
		syscall.Close(l.stop)
		return nil, fmt.Errorf("watch an eventfd: %w", err)
	}
	go l.attend()
	return l, nil
}

// Park leaves a connection to the lot until its owner is Ready or takes it back; until then nobody may read from it or close it. What has come
// already makes it ready at once. On an error, such as for too many watches, it is not parked.
func (l *Lot) Park(c *Conn, owner Parked) error {
	var failure error
	err := c.control(func(fd uintptr) { failure = l.park(int(fd), owner) })
	if err != nil {
		return err
	}
	return failure
}

func (l *Lot) park(fd int, owner Parked) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return syscall.EBADF
	}
	for len(l.parked) <= fd {
		l.parked = append(l.parked, make([]Parked, 1024)...)
	}
	// Level-triggered and for one event. The kernel forgets a descriptor when it is closed, so a known one is this same connection.
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: int32(fd)}
	err := syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_MOD, fd, &event)
	if err == syscall.ENOENT {
		err = syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, fd, &event)
	}
	if err != nil {
		return err
	}
	l.parked[fd] = owner
	l.times++
	return nil
}

// Take takes a connection back and reports whether it was parked; then Ready is not called any more.
func (l *Lot) Take(c *Conn, owner Parked) bool {
	taken := false
	_ = c.control(func(fd uintptr) { taken = l.take(int(fd), owner) }) // one that is closed is not parked
	return taken
}

func (l *Lot) take(fd int, owner Parked) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if fd >= len(l.parked) || l.parked[fd] != owner {
		return false
	}
	l.parked[fd] = nil
	return true
}

// Times is how often a connection was parked since the start.
func (l *Lot) Times() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.times
}

// TakeWhere takes back all connections whose owners are chosen, and returns those.
func (l *Lot) TakeWhere(chosen func(Parked) bool) []Parked {
	l.mu.Lock()
	defer l.mu.Unlock()
	var taken []Parked
	for fd, owner := range l.parked {
		if owner != nil && chosen(owner) {
			l.parked[fd] = nil
			taken = append(taken, owner)
		}
	}
	return taken
}

// Close ends the lot and waits for its goroutine. What is still parked is never Ready.
func (l *Lot) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	one := binary.NativeEndian.AppendUint64(nil, 1)
	_, _ = syscall.Write(l.stop, one) // an eventfd takes a one
	<-l.done
	syscall.Close(l.epoll)
	syscall.Close(l.stop)
}

// attend wakes the owners of connections that are ready, until Close.
func (l *Lot) attend() {
	defer close(l.done)
	events := make([]syscall.EpollEvent, 128)
	ready := make([]Parked, 0, len(events))
	for {
		n, err := syscall.EpollWait(l.epoll, events, -1)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return // the descriptor is ours, so this does not happen before Close
		}
		var ended bool
		ready, ended = l.collect(events[:n], ready[:0])
		for _, owner := range ready {
			owner.Ready()
		}
		clear(ready)
		if ended {
			return
		}
	}
}

// collect takes the owners of descriptors that are ready. An event of a descriptor that was closed meanwhile may wake a connection that has it
// now, for nothing.
func (l *Lot) collect(events []syscall.EpollEvent, ready []Parked) (all []Parked, ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, event := range events {
		fd := int(event.Fd)
		if fd == l.stop {
			return ready, true
		}
		if owner := l.parked[fd]; owner != nil {
			l.parked[fd] = nil
			ready = append(ready, owner)
		}
	}
	return ready, false
}
