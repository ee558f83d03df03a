package proxy

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// listener accepts connections on one address.
type listener struct {
	server  *Server
	address string
	ln      net.Listener
	routes  atomic.Pointer[routes]
	closing atomic.Bool

	mu    sync.Mutex // guards conns; taken when a connection opens and closes
	conns map[*clientConn]struct{}
}

func newListener(s *Server, address string, ln net.Listener) *listener {
	return &listener{server: s, address: address, ln: ln, conns: map[*clientConn]struct{}{}}
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
	pause := time.Duration(0)
	for {
		conn, err := l.ln.Accept()
		if err == nil {
			pause = 0
			l.serve(conn)
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
func (l *listener) serve(conn net.Conn) {
	c := newClientConn(l, conn)
	l.mu.Lock()
	full := len(l.conns) >= l.routes.Load().maxConnections
	if !full {
		l.conns[c] = struct{}{}
	}
	l.mu.Unlock()
	if full {
		c.turnAway()
		return
	}
	l.server.tasks.Go(func() {
		c.serve()
		l.mu.Lock()
		delete(l.conns, c)
		l.mu.Unlock()
	})
}

// close stops accepting and wakes connections that wait for a request, which then end.
func (l *listener) close() {
	l.closing.Store(true)
	l.ln.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.wake()
	}
}

// idle reports whether the listener has no connections.
func (l *listener) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns) == 0
}

// abortAll closes every connection of the listeners, whatever it is doing.
func (s *Server) abortAll(listeners []*listener) {
	for _, l := range listeners {
		l.mu.Lock()
		for c := range l.conns {
			c.kill()
		}
		l.mu.Unlock()
	}
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
