package proxy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func asTCP(r headroom.ServiceRoute) headroom.ServiceRoute {
	r.LoadBalancing.Protocol = headroom.ProtocolTCP
	return r
}

// serveBytes starts a TCP service before these backends.
func serveBytes(t *testing.T, change func(*headroom.ServiceRoute), addresses ...string) (*Server, string) {
	t.Helper()
	s := startSecure(t, Options{})
	r := asTCP(route(addresses...))
	if change != nil {
		change(&r)
	}
	apply(t, s, r)
	return s, s.Addr(anyPort).String()
}

// greeter says its name and echoes then.
func greeter(t *testing.T, name string, open *atomic.Int64) string {
	return script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		if open != nil {
			open.Add(1)
			defer open.Add(-1)
		}
		fmt.Fprintln(conn, name)
		io.Copy(conn, in)
	})
}

// greeting is the first line that comes.
func (c *rawClient) greeting() string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func TestTCPConnectionsGoToTheBackendWithFewest(t *testing.T) {
	_, address := serveBytes(t, func(r *headroom.ServiceRoute) { r.LoadBalancing.Algorithm = headroom.LeastConnections },
		greeter(t, "a", nil), greeter(t, "b", nil), greeter(t, "c", nil))
	held := map[string][]*rawClient{}
	for range 30 {
		c := connect(t, address)
		name := c.greeting()
		held[name] = append(held[name], c)
	}
	for _, name := range []string{"a", "b", "c"} {
		if len(held[name]) != 10 {
			t.Errorf("%s has %d of 30 connections, want 10", name, len(held[name]))
		}
	}
}

func TestTCPBackendThatIsDownCostsNoConnection(t *testing.T) {
	s, address := serveBytes(t, nil, refused(t), greeter(t, "up", nil))
	for range 10 {
		if got := connect(t, address).greeting(); got != "up" {
			t.Errorf("got %q", got)
		}
	}
	m := s.Measure(time.Now()).Services[0]
	if m.Backends[0].Traffic.Outcomes.ConnectError == 0 {
		t.Errorf("nothing is counted for the backend that is down: %+v", m.Backends[0].Traffic.Outcomes)
	}
}

func TestTCPConnectionWithoutBackendIsReset(t *testing.T) {
	s, address := serveBytes(t, nil, refused(t))
	if conn, err := net.Dial("tcp", address); err == nil { // else it was reset before it was seen to be open
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patiently))
		if _, err := conn.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("got %v", err)
		}
	}
	settled(t, s)
	if o := s.Measure(time.Now()).Services[0].Traffic.Outcomes; o.ConnectError != 1 {
		t.Errorf("counted %+v", o)
	}
}

// A connection lives on while its backend drains, and new ones go elsewhere.
func TestTCPConnectionsOutliveTheDrainOfTheirBackend(t *testing.T) {
	s, address := serveBytes(t, nil, greeter(t, "old", nil))
	c := connect(t, address)
	c.greeting()
	next := asTCP(route())
	next.Backends = []headroom.Backend{
		{ID: "b0", Service: "shop", Address: backendAddress(s, "b0"), Weight: 1, State: headroom.BackendDraining},
		{ID: "new", Service: "shop", Address: greeter(t, "new", nil), Weight: 1, State: headroom.BackendActive},
	}
	apply(t, s, next)
	for range 5 {
		if got := connect(t, address).greeting(); got != "new" {
			t.Errorf("a new connection went to %q", got)
		}
	}
	c.write("still there\n")
	if got := c.greeting(); got != "still there" {
		t.Errorf("got %q", got)
	}
}

func backendAddress(s *Server, id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backends[id].address
}

// Either side may say that it sends no more and go on to receive.
func TestTCPIsClosedOneWayAtATime(t *testing.T) {
	heard := make(chan string, 2)
	address := script(t, func(n int, conn net.Conn, in *bufio.Reader) {
		if n == 0 { // the client ends first
			all, _ := io.ReadAll(in)
			heard <- string(all)
			io.WriteString(conn, "answer")
			return
		}
		io.WriteString(conn, "answer")
		conn.(*net.TCPConn).CloseWrite()
		all, _ := io.ReadAll(in)
		heard <- string(all)
	})
	_, front := serveBytes(t, nil, address)
	for n := range 2 {
		c := connect(t, front)
		if n == 1 {
			if all, err := io.ReadAll(c.in); string(all) != "answer" || err != nil {
				t.Errorf("got %q, %v", all, err)
			}
		}
		c.write("question")
		c.conn.(*net.TCPConn).CloseWrite()
		if n == 0 {
			if all, err := io.ReadAll(c.in); string(all) != "answer" || err != nil {
				t.Errorf("got %q, %v", all, err)
			}
		}
		if got := <-heard; got != "question" {
			t.Errorf("the backend heard %q", got)
		}
	}
}

// What one side breaks off is not an end in order for the other, which may take that for the whole.
func TestTCPResetIsPassedOn(t *testing.T) {
	got := make(chan error, 1)
	address := script(t, func(n int, conn net.Conn, in *bufio.Reader) {
		if n == 0 {
			io.WriteString(conn, "part")
			in.ReadByte()
			conn.(*net.TCPConn).SetLinger(0)
			return
		}
		io.WriteString(conn, "part")
		_, err := io.ReadAll(in)
		got <- err
	})
	_, front := serveBytes(t, nil, address)
	c := connect(t, front)
	in := make([]byte, 4)
	io.ReadFull(c.in, in)
	c.write("x")
	if _, err := io.ReadAll(c.in); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the backend has reset, the client sees %v", err)
	}
	c = connect(t, front)
	io.ReadFull(c.in, in)
	c.conn.(*net.TCPConn).SetLinger(0)
	c.conn.Close()
	if err := <-got; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client has reset, the backend sees %v", err)
	}
}

// 100 MB both ways at once, plain and with TLS ended here, arrive as sent and are counted.
func TestTCPCarriesMuchBothWaysAndCountsIt(t *testing.T) {
	const size = 100 << 20
	piece := make([]byte, 1<<20)
	for i := range piece {
		piece[i] = byte(rand.Uint32())
	}
	want := sha256.New()
	for range size / len(piece) {
		want.Write(piece)
	}
	send := func(to io.Writer) {
		for range size / len(piece) {
			if _, err := to.Write(piece); err != nil {
				return
			}
		}
	}
	for _, secure := range []bool{false, true} {
		received := make(chan []byte, 1)
		address := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			conn.SetDeadline(time.Now().Add(6 * patiently))
			var wg sync.WaitGroup
			wg.Go(func() {
				send(conn)
				conn.(*net.TCPConn).CloseWrite()
			})
			sum := sha256.New()
			io.Copy(sum, in)
			received <- sum.Sum(nil)
			wg.Wait()
		})
		s, front := serveBytes(t, func(r *headroom.ServiceRoute) { *r = over(*r, wire{tls: secure}, wire{}) }, address)
		conn, err := net.Dial("tcp", front)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(6 * patiently))
		closing := conn.(interface{ CloseWrite() error })
		if secure {
			over := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			conn, closing = over, over
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			send(conn)
			closing.CloseWrite()
		})
		sum := sha256.New()
		if n, err := io.Copy(sum, conn); n != size || err != nil || !bytes.Equal(sum.Sum(nil), want.Sum(nil)) {
			t.Errorf("TLS %v: %d of %d bytes, %v", secure, n, size, err)
		}
		wg.Wait()
		if !bytes.Equal(<-received, want.Sum(nil)) {
			t.Errorf("TLS %v: the backend got something else", secure)
		}
		settled(t, s)
		m := s.Measure(time.Now()).Services[0]
		b := m.Backends[0].Traffic
		if m.Traffic.BytesIn != size || m.Traffic.BytesOut != size || b.BytesIn != size || b.BytesOut != size || m.Traffic.Outcomes.Success != 1 {
			t.Errorf("TLS %v: counted %d in, %d out, backend %d and %d, %+v", secure, m.Traffic.BytesIn, m.Traffic.BytesOut, b.BytesIn, b.BytesOut, m.Traffic.Outcomes)
		}
	}
}

func TestTCPTunnelIsCountedWhileItIsOpen(t *testing.T) {
	s, front := serveBytes(t, nil, greeter(t, "a", nil))
	c := connect(t, front)
	c.greeting()
	m := s.Measure(time.Now())
	if m.Listeners[0].Tunnels != 1 || m.Services[0].Traffic.InFlight != 1 || m.Services[0].Backends[0].Traffic.InFlight != 1 {
		t.Errorf("counted %+v", m)
	}
	c.conn.Close()
	settled(t, s)
	if m := s.Measure(time.Now()); m.Listeners[0].Tunnels != 0 {
		t.Errorf("%d tunnels are counted after their end", m.Listeners[0].Tunnels)
	}
}

func TestTCPConnectionThatIsIdleIsClosed(t *testing.T) {
	var open atomic.Int64
	s, front := serveBytes(t, func(r *headroom.ServiceRoute) {
		r.LoadBalancing.Timeouts.Tunnel = headroom.Duration(300 * time.Millisecond)
	}, greeter(t, "a", &open))
	c := connect(t, front)
	c.greeting()
	c.expectClosed()
	eventually(t, "the backend's connection is closed", func() bool { return open.Load() == 0 })
	settled(t, s)
}
