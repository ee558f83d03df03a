package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// accepted is a Conn that a Listener has accepted, which the poller does not know yet, and the other end of it.
func accepted(t *testing.T) (*Conn, *net.TCPConn) {
	t.Helper()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	ln, err := NewListener(tcp)
	if err != nil {
		t.Fatal(err)
	}
	conns, ended := make(chan *Conn, 1), make(chan error, 1)
	go func() { ended <- ln.Accept(func(c *Conn) { conns <- c }) }()
	other, err := net.DialTCP("tcp", nil, tcp.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	c := <-conns
	ln.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept ended by %v, expected net.ErrClosed", err)
	}
	t.Cleanup(func() { c.Close(); other.Close() })
	return c, other
}

func TestAcceptedConnectionsKnowBothEnds(t *testing.T) {
	c, other := accepted(t)
	if c.RemoteAddr().String() != other.LocalAddr().String() || c.LocalAddr().String() != other.RemoteAddr().String() {
		t.Errorf("from %s to %s, expected from %s to %s", c.RemoteAddr(), c.LocalAddr(), other.LocalAddr(), other.RemoteAddr())
	}
}

func TestWhatNeedNotWaitIsDoneWithoutThePoller(t *testing.T) {
	c, other := accepted(t)
	mustWrite(t, other, "request")
	for c.Look() != Data {
		runtime.Gosched()
	}
	c.SetReadDeadline(time.Now().Add(time.Minute))
	mustRead(t, c, "request")
	mustWrite(t, c, "answer")
	mustRead(t, other, "answer")
	if c.polled.Load() != nil {
		t.Error("the poller knows the connection")
	}
	c.Close()
	if n, err := other.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("read %d, %v after Close, expected the end", n, err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after Close: %v", err)
	}
}

func TestDeadlinesSetBeforeTheFirstWaitHold(t *testing.T) {
	c, _ := accepted(t)
	c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read: %v", err)
	}
}

func TestClosingWakesWhoeverWaits(t *testing.T) {
	for name, wait := range map[string]func(c *Conn) error{
		"to read":   func(c *Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"to splice": func(c *Conn) error { _, err := new(Splicer).Copy(c, c, 1); return err },
		"attended": func(c *Conn) error {
			return c.Attend(func() bool { _, err := c.TryRead(make([]byte, 1)); return err != ErrNothing })
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := accepted(t)
			done := make(chan error)
			go func() { done <- wait(c) }()
			for c.polled.Load() == nil {
				runtime.Gosched()
			}
			c.Close()
			if err := <-done; err == nil {
				t.Error("no error")
			}
		})
	}
}
