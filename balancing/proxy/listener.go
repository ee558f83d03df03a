package proxy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"headroom.dev/headroom/balancing/socket"
)

// listener accepts connections on one address.
type listener struct {
	server  *Server
	address string
	ln      net.Listener
	socket  *socket.Listener // accepts for ln; nil where that is not of TCP
	routes  atomic.Pointer[routes]
	closing atomic.Bool // connections end after their next answer
	waking  atomic.Bool // connections that wait for a request end at once

	accepted chan struct{} // closed when the last connection has been accepted

	counts  counts
	counted counted // under the server's lock

	mu        sync.Mutex // guards what follows; taken when a connection opens and closes
	conns     map[*clientConn]struct{}
	perClient map[netip.Addr]int // connections, by whom they count for
}

func newListener(s *Server, address string, ln net.Listener) *listener {
	l := &listener{server: s, address: address, ln: ln, accepted: make(chan struct{}), conns: map[*clientConn]struct{}{}, perClient: map[netip.Addr]int{}}
	if tcp, ok := ln.(*net.TCPListener); ok {
		if own, err := socket.NewListener(tcp); err == nil {
			l.socket = own
		}
	}
	return l
}

// acceptInto calls serve for connections until one cannot be accepted.
func (l *listener) acceptInto(serve func(*socket.Conn)) error {
	if l.socket != nil {
		return l.socket.Accept(serve)
	}
	conn, err := l.ln.Accept()
	if err != nil {
		return err
	}
	if tcp := plain(conn); tcp != nil {
		serve(tcp)
	} else { // it is gone already
		conn.Close()
	}
	return nil
}

// listenError says what to do about an address that cannot be listened on.
func listenError(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s: another program uses this port; stop it or choose another loadBalancing.listen: %w", address, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listen on %s: not permitted; ports below 1024 need privileges, choose another loadBalancing.listen: %w", address, err)
	}
	return fmt.Errorf("listen on %s (loadBalancing.listen, expected host:port such as 127.0.0.1:8080): %w", address, err)
}

// start accepts until close.
func (l *listener) start() {
	l.server.options.Logger.Info("listening", "address", l.ln.Addr().String())
	l.server.tasks.Go(l.accept)
}

func (l *listener) accept() {
	defer close(l.accepted)
	pause := time.Duration(0)
	for {
		err := l.acceptInto(func(conn *socket.Conn) {
			pause = 0
			l.serve(conn)
		})
		if err == nil {
			continue
		}
		if l.closing.Load() {
			return
		}
		// Out of file descriptors, or the client was gone already: connections wait in the kernel's queue meanwhile.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		l.server.options.Logger.Warn("cannot accept a connection, trying again", "address", l.address, "error", err, "after", pause)
		select {
		case <-time.After(pause):
		case <-l.server.stop:
			return
		}
	}
}

// serve gives the connection its goroutine, or turns it away when there are too many.
func (l *listener) serve(conn *socket.Conn) {
	l.counts.accepted.Add(1)
	conn.SetWriteTimeout(pieceTime)
	c := newClientConn(l, conn)
	l.mu.Lock()
	full := len(l.conns) >= l.routes.Load().maxConnections
	if !full {
		l.conns[c] = struct{}{}
	}
	l.mu.Unlock()
	if full {
		c.turnAway("too many connections (maxConnections)")
		return
	}
	l.server.tasks.Add(1) // until the connection's end, also while it is parked
	go l.attend(c)
}

// attend serves a connection to its end, or parks it.
func (l *listener) attend(c *clientConn) {
	for c.serve() {
		if l.park(c.h1) {
			return
		}
	}
	c.end()
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
	l.server.tasks.Done()
}

// park leaves an idle connection to the lot, unless there is no room for it or the listener closes.
func (l *listener) park(c *h1Client) bool {
	if l.server.lot.Park(c.tcp, c) != nil {
		return false
	}
	// Whoever wakes all connections has said so before: it finds this one parked, or it is found to be said here.
	return !l.waking.Load() || !l.server.lot.Take(c.tcp, c)
}

// stopAccepting closes our descriptor of the socket: connections in its queue are those of another process that has one too. Clients that
// can be told so without a race are.
func (l *listener) stopAccepting() {
	l.closing.Store(true)
	l.ln.Close()
	if l.socket != nil {
		l.socket.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.notice()
	}
}

// close stops accepting and wakes connections that wait for a request, which then end.
func (l *listener) close() {
	l.stopAccepting()
	l.waking.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.wake()
	}
}

// idle reports whether the listener has no connections and gets no more.
func (l *listener) idle() bool {
	select {
	case <-l.accepted:
	default:
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns) == 0
}

// abortAll closes every connection of the listeners, whatever it is doing.
func (s *Server) abortAll(listeners []*listener) {
	for _, l := range listeners {
		<-l.accepted // what was accepted at the last moment counts too
		l.mu.Lock()
		for c := range l.conns {
			c.kill()
		}
		l.mu.Unlock()
	}
}

// Listeners returns the sockets that are listened on, by the address of the table, to hand them to another process. They stay the
// server's: Drain and Shutdown close them.
func (s *Server) Listeners() map[string]net.Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	sockets := make(map[string]net.Listener, len(s.listeners))
	for address, l := range s.listeners {
		sockets[address] = l.ln
	}
	return sockets
}

// Drain stops listening and lets connections end by themselves: after their next answer, which says Connection: close, or when they
// have been idle for too long. Closing an idle connection, as Shutdown does, races with a request that is on its way, which would fail
// although another process serves the address. Apply still changes the backends, and opens nothing. Drain waits until ctx ends; then
// it does what Shutdown does at its end.
func (s *Server) Drain(ctx context.Context) error {
	for _, l := range s.stopAccepting() {
		<-l.accepted // what was accepted at the last moment counts too
	}
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for !s.idle() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return s.Shutdown(ctx)
		}
	}
	return s.Shutdown(ctx)
}

func (s *Server) stopAccepting() []*listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	for _, l := range s.listeners {
		l.stopAccepting()
	}
	return slices.Collect(maps.Values(s.listeners))
}

// idle reports whether no listener has connections.
func (s *Server) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		if !l.idle() {
			return false
		}
	}
	return !slices.ContainsFunc(s.retired, func(l *listener) bool { return !l.idle() })
}

// Addr returns the address that is really listened on for one of the table's, which differs where its port is 0; nil if none is.
func (s *Server) Addr(listen string) net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.listeners[listen]; l != nil {
		return l.ln.Addr()
	}
	return nil
}
