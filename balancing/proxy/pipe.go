package proxy

import (
	"errors"
	"io"
	"math"
	"net"
	"os"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/balancing/socket"
)

const (
	// halfOpen is how long nothing may move in one direction of a WebSocket after the other has ended: enough for a closing handshake.
	halfOpen = 10 * time.Second
	// lookLeast bounds how often tunnels with a short timeout are looked at.
	lookLeast = 50 * time.Millisecond
)

// pipe passes bytes both ways between two connections until both directions have ended, one has broken, or nothing moved for idle. Between
// plain TCP connections Linux moves them without copying (splice).
type pipe struct {
	a, b    net.Conn
	splicer *socket.Splicer
	idle    time.Duration
	// rest takes the place of idle once one direction has ended.
	rest time.Duration
	// moves is told now and then how many bytes went from a to b and back.
	moves           func(ab, ba int64)
	inward, outward atomic.Int64 // in all, from a to b and back

	look    time.Duration // how often it is noted whether something moves
	watch   *time.Timer
	moved   atomic.Int64 // when something moved last, Unix nanoseconds
	half    atomic.Bool  // one direction has ended
	stopped atomic.Bool
}

// run returns when the tunnel has ended. The error says that a connection broke, so that the other end must not take what it got for the whole.
func (p *pipe) run() error {
	p.look = max(p.idle/4, lookLeast)
	p.moved.Store(time.Now().UnixNano())
	p.watch = time.AfterFunc(time.Hour, p.watchOver)
	p.watch.Reset(p.look)
	defer p.watch.Stop()
	done := make(chan error)
	go func() { done <- p.oneWay(p.b, p.a, func(n int64) { p.inward.Add(n); p.moves(n, 0) }) }()
	err := p.oneWay(p.a, p.b, func(n int64) { p.outward.Add(n); p.moves(0, n) })
	err = errors.Join(err, <-done)
	p.stopped.Store(true)
	return err
}

// oneWay passes bytes from one connection to the other until that has said all. Its reads end now and then, to note what has moved.
func (p *pipe) oneWay(to, from net.Conn, count func(n int64)) error {
	for {
		from.SetReadDeadline(time.Now().Add(p.look))
		if p.stopped.Load() {
			return nil
		}
		n, err := p.copy(to, from)
		count(n)
		if n > 0 || err == nil {
			p.moved.Store(time.Now().UnixNano())
		}
		switch {
		case err == nil: // the receiver learns that nothing more comes
			p.half.Store(true)
			closeWrite(to)
			return nil
		case p.stopped.Load():
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			p.stop()
			return err
		}
	}
}

// copy passes bytes on until from ends, or its reading deadline passes.
func (p *pipe) copy(to, from net.Conn) (int64, error) {
	plainTo, _ := to.(*socket.Conn)
	plainFrom, _ := from.(*socket.Conn)
	if plainTo == nil || plainFrom == nil {
		return io.Copy(to, from)
	}
	return p.splicer.Copy(plainTo, plainFrom, math.MaxInt64)
}

// watchOver ends the tunnel when nothing has moved for too long, also where both ends wait for someone who does not read.
func (p *pipe) watchOver() {
	limit := p.idle
	if p.half.Load() {
		limit = p.rest
	}
	if time.Since(time.Unix(0, p.moved.Load())) >= limit {
		p.stop()
		return
	}
	if !p.stopped.Load() {
		p.watch.Reset(min(p.look, limit))
	}
}

// stop ends both directions at once.
func (p *pipe) stop() {
	p.stopped.Store(true)
	p.a.SetDeadline(time.Unix(1, 0))
	p.b.SetDeadline(time.Unix(1, 0))
}

// closeWrite tells the other end that nothing more comes.
func closeWrite(conn net.Conn) error {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return net.ErrClosed
	}
	return half.CloseWrite()
}
