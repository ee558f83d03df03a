package socket

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

// listening is a Listener on an address and the one that it was made of.
func listening(t *testing.T, address string) (*Listener, net.Addr) {
	t.Helper()
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip(err) // such as without IPv6
	}
	t.Cleanup(func() { tcp.Close() })
	ln, err := NewListener(tcp.(*net.TCPListener))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln, tcp.Addr()
}

func dial(t *testing.T, address net.Addr) net.Conn {
	t.Helper()
	conn, err := net.Dial(address.Network(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestAddressesAreThoseOfTheVersionThatTheClientSpeaks(t *testing.T) {
	for listen, dialed := range map[string]string{"127.0.0.1:0": "127.0.0.1", "[::1]:0": "::1", "[::]:0": "127.0.0.1"} {
		t.Run(listen, func(t *testing.T) {
			ln, at := listening(t, listen)
			conns := make(chan *Conn, 1)
			go ln.Accept(func(c *Conn) { conns <- c })
			other := dial(t, &net.TCPAddr{IP: net.ParseIP(dialed), Port: at.(*net.TCPAddr).Port})
			c := <-conns
			defer c.Close()
			if c.Remote().String() != other.LocalAddr().String() || c.Local().String() != other.RemoteAddr().String() {
				t.Errorf("from %s to %s, expected from %s to %s", c.Remote(), c.Local(), other.LocalAddr(), other.RemoteAddr())
			}
		})
	}
}

// Close is called under a lock, and is not to be held up by clients that keep coming.
func TestListenerClosesWhileConnectionsKeepComing(t *testing.T) {
	ln, at := listening(t, "127.0.0.1:0")
	dial(t, at)
	first := sync.OnceFunc(func() { go ln.Close() })
	err := ln.Accept(func(c *Conn) {
		c.Close()
		first()
		dial(t, at) // so that there is another one to accept, always
	})
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := ln.Accept(func(*Conn) { t.Error("accepted after Close") }); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v after Close", err)
	}
}

func TestListenerOutOfDescriptorsSaysSoAndAcceptsLater(t *testing.T) {
	ln, at := listening(t, "127.0.0.1:0")
	other := dial(t, at)
	restore := outOfDescriptors(t)
	if err := ln.Accept(func(*Conn) { t.Error("accepted") }); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("got %v", err)
	}
	restore()
	conns := make(chan *Conn, 1)
	go ln.Accept(func(c *Conn) { conns <- c })
	c := <-conns
	defer c.Close()
	mustWrite(t, other, "x")
	mustRead(t, c, "x")
}

// Descriptors are numbers that are given out again at once. Whoever uses a connection that others close and look at must never read, write or
// close what has its number now.
func TestNobodyGetsTheBytesOfAnother(t *testing.T) {
	ln, at := listening(t, "127.0.0.1:0")
	const clients, each = 8, 300
	var serving, all sync.WaitGroup
	serving.Go(func() {
		ln.Accept(func(c *Conn) { serving.Go(func() { hastily(c) }) })
	})
	for client := range clients {
		all.Go(func() {
			for i := range each {
				conn, err := net.Dial("tcp", at.String())
				if err != nil {
					t.Error(err)
					return
				}
				conn.SetDeadline(time.Now().Add(time.Minute))
				name := fmt.Sprintf("%04d.%04d", client, i)
				for {
					if _, err := io.WriteString(conn, name); err != nil {
						break
					}
					got := make([]byte, len(name))
					n, err := io.ReadFull(conn, got)
					if string(got[:n]) != name[:n] {
						t.Errorf("%s got %s", name, got[:n])
					}
					if err != nil {
						break
					}
				}
				conn.Close()
			}
		})
	}
	all.Wait()
	ln.Close()
	serving.Wait()
}

// hastily echoes a few times, and then while others close the connection and do to it all that they may.
func hastily(c *Conn) {
	var others sync.WaitGroup
	defer others.Wait()
	rest := rand.IntN(4)
	serve, _ := echo(c, make([]byte, 64)) // until an error
	_ = c.Attend(func() bool {
		if rest--; rest == -1 {
			for _, do := range []func(){
				func() { c.Close() },
				func() { c.SetDeadline(time.Unix(1, 0)) },
				func() { c.SetReadDeadline(time.Now().Add(time.Minute)) },
				func() { c.Look() },
				func() { c.Local() },
				func() { c.CloseWrite() },
			} {
				others.Go(do)
			}
		}
		return serve()
	})
	c.Close()
}
