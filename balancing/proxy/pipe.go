package proxy

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// halfOpen is how long one direction of a tunnel may go on after the other has ended: enough for a closing handshake.
const halfOpen = 10 * time.Second

// pipe passes bytes both ways between two connections until both directions have ended, or nothing moved for idle. Between plain TCP
// connections Linux moves them without copying (splice).
type pipe struct {
	a, b  net.Conn
	idle  time.Duration
	moved atomic.Int64 // when something moved last, Unix nanoseconds
	last  atomic.Int64 // when the direction that is left must end, Unix nanoseconds; 0 while both are open
	// moves is told now and then how many bytes went from a to b and back.
	moves           func(ab, ba int64)
	inward, outward atomic.Int64 // in all, from a to b and back
}

// run returns when the tunnel has ended.
func (p *pipe) run() {
	p.moved.Store(time.Now().UnixNano())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.oneWay(p.b, p.a, func(n int64) { p.inward.Add(n); p.moves(n, 0) })
	}()
	p.oneWay(p.a, p.b, func(n int64) { p.outward.Add(n); p.moves(0, n) })
	<-done
}

func (p *pipe) oneWay(to, from net.Conn, count func(n int64)) {
	look := max(p.idle/4, time.Second)
	for {
		from.SetReadDeadline(time.Now().Add(look))
		if last := p.last.Load(); last != 0 {
			from.SetReadDeadline(time.Unix(0, last))
		}
		n, err := io.Copy(to, from)
		count(n)
		now := time.Now()
		if n > 0 {
			p.moved.Store(now.UnixNano())
		}
		if !isTimeout(err) || p.last.Load() != 0 || now.Sub(time.Unix(0, p.moved.Load())) >= p.idle {
			break
		}
	}
	// The receiver learns that nothing more comes, and the other direction gets a last while.
	closeWrite(to)
	last := time.Now().Add(halfOpen)
	p.last.Store(last.UnixNano())
	to.SetReadDeadline(last)
	from.SetWriteDeadline(last)
}

// closeWrite tells the other end that nothing more comes.
func closeWrite(conn net.Conn) error {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return net.ErrClosed
	}
	return half.CloseWrite()
}
