//go:build linux

package generator

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// Open sends requests at a fixed rate for a while over a number of connections that are kept open. Requests that find no free
// connection wait for one, and that wait is part of their latency. It is one loop on epoll(7): it shares its cores with the
// backends, and simulate/load, which is written for users' services, needs three times the processor time for a request.
type Open struct {
	Address     string
	Request     []byte
	Rate        float64 // requests per second
	Time        time.Duration
	Connections int
}

// drain is how long after the end answers are waited for; requests without one have failed.
const drain = 2 * time.Second

// Run sends the load.
func (o Open) Run(ctx context.Context) (Latency, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Timers of the kernel are 50 µs late by default, to save energy.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	address, err := netip.ParseAddrPort(o.Address)
	if err != nil {
		return Latency{}, err
	}
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return Latency{}, err
	}
	defer unix.Close(poll)
	l := &openLoop{Open: o, poll: poll, conns: map[int32]*openConn{}, latency: newHistogram(), lag: newHistogram(), buf: make([]byte, 256<<10)}
	l.target = unix.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()}
	defer l.close()
	for range o.Connections {
		if err := l.connect(); err != nil {
			return Latency{}, err
		}
	}
	return l.run(ctx)
}

type openLoop struct {
	Open
	poll     int
	target   unix.SockaddrInet4
	conns    map[int32]*openConn
	free     []*openConn
	began    time.Time
	sent     int64 // or waiting, so far: the schedule's position
	waiting  []time.Duration
	inFlight int
	failed   int64
	first    error // why the first request failed
	latency  *hdrhistogram.Histogram
	lag      *hdrhistogram.Histogram
	buf      []byte
}

type openConn struct {
	fd     int
	answer answer
	meant  time.Duration // when the request in flight was meant to leave; -1 where there is none
	out    []byte        // of the request, what the socket did not take
}

func (l *openLoop) connect() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &l.target); err != nil {
		unix.Close(fd)
		return fmt.Errorf("connect to %s: %w", l.Address, err)
	}
	_ = unix.SetNonblock(fd, true)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		unix.Close(fd)
		return err
	}
	c := &openConn{fd: fd, meant: -1}
	l.conns[int32(fd)] = c
	l.free = append(l.free, c)
	return nil
}

func (l *openLoop) close() {
	for _, c := range l.conns {
		unix.Close(c.fd)
	}
}

func (l *openLoop) run(ctx context.Context) (Latency, error) {
	events := make([]unix.EpollEvent, 256)
	l.began = time.Now()
	total := int64(l.Rate * l.Time.Seconds())
	for {
		now := time.Since(l.began)
		for l.sent < total && l.due(l.sent) <= now {
			l.waiting = append(l.waiting, l.due(l.sent))
			l.sent++
		}
		l.dispatch()
		if l.sent == total && l.inFlight == 0 && len(l.waiting) == 0 {
			break
		}
		if now > l.Time+drain {
			l.failed += int64(l.inFlight + len(l.waiting))
			l.first = errors.Join(l.first, fmt.Errorf("%d requests have no answer %s after the end", l.inFlight+len(l.waiting), drain))
			break
		}
		if err := ctx.Err(); err != nil {
			return Latency{}, err
		}
		until := l.Time + drain
		if l.sent < total {
			until = l.due(l.sent)
		}
		n, err := wait(l.poll, events, until-time.Since(l.began))
		if err != nil {
			return Latency{}, err
		}
		for _, event := range events[:n] {
			if c := l.conns[event.Fd]; c != nil {
				l.ready(c, event.Events)
			}
		}
	}
	report := Latency{Rate: l.Rate, Sent: total, Failed: l.failed, P50: quantile(l.latency, 50), P99: quantile(l.latency, 99),
		P999: quantile(l.latency, 99.9), Lag: quantile(l.lag, 99)}
	if l.failed > 0 && l.failed == total {
		return report, l.first
	}
	return report, nil
}

// due is when a request is meant to leave.
func (l *openLoop) due(i int64) time.Duration {
	return time.Duration(float64(i) / l.Rate * float64(time.Second))
}

// wait is epoll_pwait2(2), whose time limit is in nanoseconds.
func wait(poll int, events []unix.EpollEvent, limit time.Duration) (int, error) {
	timeout := unix.NsecToTimespec(max(0, limit.Nanoseconds()))
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(poll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)),
		uintptr(unsafe.Pointer(&timeout)), 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	default:
		return 0, fmt.Errorf("wait for sockets: %w", errno)
	}
}

// dispatch sends requests that wait over connections that are free.
func (l *openLoop) dispatch() {
	for len(l.waiting) > 0 && len(l.free) > 0 {
		c := l.free[len(l.free)-1]
		l.free = l.free[:len(l.free)-1]
		c.meant = l.waiting[0]
		l.waiting = l.waiting[1:]
		l.inFlight++
		record(l.lag, time.Since(l.began)-c.meant)
		c.answer.reset()
		l.write(c, l.Request)
	}
}

func (l *openLoop) write(c *openConn, data []byte) {
	n, err := unix.Write(c.fd, data)
	if err != nil && err != unix.EAGAIN {
		l.lose(c, err)
		return
	}
	rest := data[max(n, 0):]
	if len(rest) > 0 != (len(c.out) > 0) {
		events := uint32(unix.EPOLLIN)
		if len(rest) > 0 {
			events |= unix.EPOLLOUT
		}
		_ = unix.EpollCtl(l.poll, unix.EPOLL_CTL_MOD, c.fd, &unix.EpollEvent{Events: events, Fd: int32(c.fd)})
	}
	c.out = rest
}

// ready reads and writes what there is.
func (l *openLoop) ready(c *openConn, events uint32) {
	if events&unix.EPOLLOUT != 0 {
		l.write(c, c.out)
	}
	if events&^unix.EPOLLOUT == 0 || l.conns[int32(c.fd)] != c { // lost meanwhile
		return
	}
	n, err := unix.Read(c.fd, l.buf)
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if err != nil || n == 0 {
		l.lose(c, err)
		return
	}
	if c.meant < 0 {
		l.lose(c, errors.New("bytes that nobody asked for"))
		return
	}
	done, err := c.answer.read(l.buf[:n])
	if err != nil {
		l.lose(c, err)
		return
	}
	if !done {
		return
	}
	record(l.latency, time.Since(l.began)-c.meant)
	c.meant = -1
	l.inFlight--
	if c.answer.last {
		l.lose(c, nil)
		return
	}
	l.free = append(l.free, c)
}

// lose ends a connection, with the request that is in flight on it, and opens another. A server may close one that is idle.
func (l *openLoop) lose(c *openConn, err error) {
	if c.meant >= 0 {
		l.failed++
		l.inFlight--
		c.meant = -1
		if l.first == nil {
			l.first = fmt.Errorf("the connection broke in a request: %v", err)
		}
	}
	for i, other := range l.free {
		if other == c {
			l.free = append(l.free[:i], l.free[i+1:]...)
			break
		}
	}
	delete(l.conns, int32(c.fd))
	unix.Close(c.fd)
	if err := l.connect(); err != nil && l.first == nil {
		l.first = err
	}
}
