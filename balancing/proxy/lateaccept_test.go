package proxy

import (
	"context"
	"net"
	"testing"
	"time"
)

// lateListener hands a connection over long after the kernel has accepted it.
type lateListener struct {
	net.Listener
	accepted, release chan struct{}
}

func (l *lateListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		close(l.accepted)
		<-l.release
	}
	return conn, err
}

// A connection that is being accepted while the time for ending is up already is ended like all others.
func TestConnectionAcceptedAtTheLastMomentDoesNotHoldUpShutdown(t *testing.T) {
	late := &lateListener{accepted: make(chan struct{}), release: make(chan struct{})}
	s := start(t, Options{Listen: func(address string) (net.Listener, error) {
		var err error
		late.Listener, err = Listen(address)
		return late, err
	}})
	apply(t, s, asTCP(route(greeter(t, "hi", nil))))
	connect(t, s.Addr(anyPort).String())
	<-late.accepted
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Shutdown(ctx)
	}()
	<-time.After(100 * time.Millisecond) // all other connections, of which there are none, have been ended
	close(late.release)
	select {
	case <-ended:
	case <-time.After(3 * time.Second):
		t.Error("Shutdown waits for the connection")
	}
}
