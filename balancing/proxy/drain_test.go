package proxy

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// successor makes a server that listens on the same socket as another, as a process that inherited it does.
func successor(t *testing.T, old *Server, o *origin) *Server {
	t.Helper()
	raw, err := old.Listeners()[anyPort].(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var file *os.File // not the listener's File, by which net.FileListener would make the socket blocking for a moment
	if err := raw.Control(func(fd uintptr) {
		copied, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		file = os.NewFile(uintptr(copied), "inherited")
	}); err != nil {
		t.Fatal(err)
	}
	next := start(t, Options{Listen: func(string) (net.Listener, error) {
		defer file.Close()
		return net.FileListener(file)
	}})
	apply(t, next, route(o.address()))
	return next
}

// drain begins to drain a server and returns when it accepts no more.
func drain(t *testing.T, s *Server, limit time.Duration) <-chan error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	s.mu.Lock()
	l := s.listeners[anyPort]
	s.mu.Unlock()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx) }()
	<-l.accepted
	return drained
}

func TestDrainLeavesAnIdleConnectionItsNextAnswer(t *testing.T) {
	o := newOrigin(t, ok)
	old, address := serve(t, o.address())
	successor(t, old, o)
	c := connect(t, address)
	c.write(request("GET /"))
	first, _ := c.response("GET")
	fresh := connect(t, address) // accepted by either, and has sent nothing yet
	drained := drain(t, old, patiently)
	c.write(request("GET /"))
	last, body := c.response("GET")
	// Which of the two servers accepted the connection is the kernel's choice; only the old one says close.
	if first.Close || last.StatusCode != 200 || body != "ok" {
		t.Errorf("got close %v, then %d %q", first.Close, last.StatusCode, body)
	}
	fresh.write(request("GET /", "Connection: close"))
	if answer, _ := fresh.response("GET"); answer.StatusCode != 200 {
		t.Errorf("a connection of the last moment got %d", answer.StatusCode)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	c = connect(t, address)
	c.write(request("GET /"))
	if answer, _ := c.response("GET"); answer.StatusCode != 200 || answer.Close {
		t.Errorf("the successor answered %d, close %v", answer.StatusCode, answer.Close)
	}
}

func TestDrainSaysCloseAndEndsAfterTheAnswer(t *testing.T) {
	o := newOrigin(t, ok)
	old, address := serve(t, o.address())
	c := connect(t, address)
	c.write(request("GET /"))
	c.response("GET")
	drained := drain(t, old, patiently)
	apply(t, old, route(o.address())) // backends may still change
	c.write(request("GET /"))
	if answer, body := c.response("GET"); !answer.Close || body != "ok" {
		t.Errorf("got close %v, %q", answer.Close, body)
	}
	c.expectClosed()
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestDrainCutsOffWhatIsLeftAtItsLimit(t *testing.T) {
	o := newOrigin(t, ok)
	old, address := serve(t, o.address())
	c := connect(t, address)
	c.write(request("GET /"))
	c.response("GET")
	if err := <-drain(t, old, 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	c.expectClosed()
}
