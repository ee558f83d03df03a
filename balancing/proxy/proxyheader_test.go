package proxy

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/proxyprotocol"
)

var (
	sender   = netip.MustParseAddrPort("203.0.113.7:4711")
	receiver = netip.MustParseAddrPort("198.51.100.1:443")
)

// v2Local is a header of version 2 that tells no address, as health checks of HAProxy send.
const v2Local = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"

// who answers with the client that the backend was told.
func who(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, r.Header.Get("X-Forwarded-For"))
}

func accepting(trusted ...string) func(*headroom.ServiceRoute) {
	return func(r *headroom.ServiceRoute) {
		r.LoadBalancing.ProxyProtocol.Accept = true
		r.LoadBalancing.TrustedProxies = trusted
		r.LoadBalancing.Timeouts.Header = headroom.Duration(time.Second)
	}
}

func TestProxyHeaderTellsTheClient(t *testing.T) {
	v1, v2 := string(proxyprotocol.AppendV1(nil, sender, receiver)), string(proxyprotocol.AppendV2(nil, sender, receiver))
	for _, secure := range []bool{false, true} {
		w := between(t, wire{tls: secure}, wire{}, who, accepting())
		for header, want := range map[string]string{v1: "203.0.113.7", v2: "203.0.113.7", v2Local: "127.0.0.1", "PROXY UNKNOWN\r\n": "127.0.0.1"} {
			c := connect(t, w.server.Addr(anyPort).String())
			c.write(header)
			if secure {
				c.secure()
			}
			for range 2 {
				c.write(request("GET /"))
				if res, body := c.response("GET"); res.StatusCode != 200 || body != want {
					t.Errorf("TLS %v, %q: got %d %q, want %q", secure, header, res.StatusCode, body, want)
				}
			}
		}
	}
}

// What comes in pieces is a header as well: the wait for the rest is not ended by what woke it first.
func TestProxyHeaderMayComeByteByByte(t *testing.T) {
	for name, header := range map[string]string{
		"v1": string(proxyprotocol.AppendV1(nil, sender, receiver)), "v2": string(proxyprotocol.AppendV2(nil, sender, receiver)),
	} {
		w := between(t, wire{}, wire{}, who, accepting())
		for range 30 { // which piece is there when the connection is first looked at is left to chance
			c := connect(t, w.server.Addr(anyPort).String())
			for i := 0; i < len(header); i += 7 {
				c.write(header[i:min(i+7, len(header))])
				<-time.After(time.Millisecond)
			}
			c.write(request("GET /"))
			res, err := http.ReadResponse(c.in, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if body, _ := io.ReadAll(res.Body); string(body) != "203.0.113.7" {
				t.Fatalf("%s: got %q", name, body)
			}
		}
	}
}

func TestConnectionWithoutProperProxyHeaderIsClosed(t *testing.T) {
	v1 := string(proxyprotocol.AppendV1(nil, sender, receiver))
	for name, test := range map[string]struct {
		trusted, text string
	}{
		"absent":           {"", request("GET /")},
		"garbage":          {"", "PROXY TCP4 nobody\r\n" + request("GET /")},
		"binary garbage":   {"", "\r\n\r\n\x00\r\nQUIT\n\xff\xff\xff\xff"},
		"half of one":      {"", "PROXY TCP4 203.0"},
		"nothing":          {"", ""},
		"untrusted sender": {"10.0.0.0/8", v1 + request("GET /")},
	} {
		t.Run(name, func(t *testing.T) {
			var trusted []string
			if test.trusted != "" {
				trusted = []string{test.trusted}
			}
			w := between(t, wire{}, wire{}, who, accepting(trusted...))
			c := connect(t, w.server.Addr(anyPort).String())
			c.write(test.text)
			began := time.Now()
			c.expectClosed()
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("closed after %v, timeouts.header is 1s", took)
			}
			settled(t, w.server)
		})
	}
}

func TestTrustedSenderOfProxyHeaderIsTaken(t *testing.T) {
	w := between(t, wire{}, wire{}, who, accepting("127.0.0.0/8"))
	c := connect(t, w.server.Addr(anyPort).String())
	c.write(string(proxyprotocol.AppendV1(nil, sender, receiver)) + request("GET /"))
	if _, body := c.response("GET"); body != "203.0.113.7" {
		t.Errorf("got %q", body)
	}
}

// told is a backend that expects PROXY headers and answers each request with the client that its connection is for and the connection's
// number. open counts its connections.
func told(t *testing.T, ended chan<- int) string {
	return script(t, func(n int, conn net.Conn, in *bufio.Reader) {
		if ended != nil {
			defer func() { ended <- n }()
		}
		var header proxyprotocol.Header
		for size := 16; ; size++ {
			got, err := in.Peek(size)
			if err != nil {
				return
			}
			parsed, length, err := proxyprotocol.Parse(got)
			if err == proxyprotocol.ErrIncomplete {
				continue
			}
			if err != nil {
				t.Errorf("%v: %q", err, got)
				return
			}
			header = parsed
			in.Discard(length)
			break
		}
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			text := header.Source.String() + " " + r.Header.Get("X-Forwarded-For")
			(&http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text))}).Write(conn)
		}
	})
}

func TestEachClientHasItsOwnConnectionsThatTellOfIt(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		ended := make(chan int, 10)
		w := before(t, wire{}, wire{}, []string{told(t, ended)}, func(r *headroom.ServiceRoute) { r.LoadBalancing.ProxyProtocol.Send = version })
		var clients []*rawClient
		for range 3 {
			clients = append(clients, connect(t, w.server.Addr(anyPort).String()))
		}
		for range 3 {
			for _, c := range clients {
				c.write(request("GET /"))
				want := c.conn.LocalAddr().String() + " 127.0.0.1"
				if _, body := c.response("GET"); body != want {
					t.Errorf("%s: the backend was told %q, want %q", version, body, want)
				}
			}
		}
		for _, c := range clients {
			c.conn.Close()
			<-ended // its connection goes with it
		}
	}
}

// A client may stay for long and ask for nothing more: then nothing of its connections may stay.
func TestOwnConnectionsThatAreNotNeededAreClosedAndForgotten(t *testing.T) {
	ended := make(chan int, 10)
	w := before(t, wire{}, wire{}, []string{told(t, ended)}, func(r *headroom.ServiceRoute) { r.LoadBalancing.ProxyProtocol.Send = "v2" })
	c := connect(t, w.server.Addr(anyPort).String())
	c.write(request("GET /"))
	c.response("GET")
	settled(t, w.server)
	long := idleInPool + time.Second
	for _, client := range owning(w.server) {
		client.mu.Lock()
		for _, own := range client.backend {
			own.asked = own.asked.Add(-long)
			own.h1.mu.Lock()
			for _, idle := range own.h1.idle {
				idle.idleSince = idle.idleSince.Add(-long)
			}
			own.h1.mu.Unlock()
		}
		client.mu.Unlock()
	}
	expectEnd(t, ended, 0)
	eventually(t, "the backend is forgotten", func() bool { return ownedBackends(w.server) == 0 })
	c.write(request("POST /", "Content-Length: 0"))
	if res, _ := c.response("POST"); res.StatusCode != 200 {
		t.Errorf("got %d", res.StatusCode)
	}
	c.conn.Close()
	expectEnd(t, ended, 1)
	eventually(t, "the client is forgotten", func() bool { return len(owning(w.server)) == 0 })
}

// Else a client that stays while replicas come and go gathers what is left of each.
func TestOwnConnectionsToABackendThatIsGoneAreClosedAndForgotten(t *testing.T) {
	first, second := make(chan int, 10), make(chan int, 10)
	w := before(t, wire{}, wire{}, []string{told(t, first), told(t, second)}, func(r *headroom.ServiceRoute) { r.LoadBalancing.ProxyProtocol.Send = "v2" })
	c := connect(t, w.server.Addr(anyPort).String())
	for range 2 {
		c.write(request("GET /"))
		c.response("GET")
	}
	settled(t, w.server)
	gone := w.route
	gone.Backends = gone.Backends[1:]
	apply(t, w.server, gone)
	expectEnd(t, first, 0)
	eventually(t, "the backend that is gone is forgotten", func() bool { return ownedBackends(w.server) == 1 })
	if len(second) > 0 {
		t.Error("the connection to the other backend was closed too")
	}
}

// owning are the clients that have connections of their own.
func owning(s *Server) []*ownConnections {
	s.owners.mu.Lock()
	defer s.owners.mu.Unlock()
	return slices.Collect(maps.Keys(s.owners.all))
}

func ownedBackends(s *Server) (n int) {
	for _, client := range owning(s) {
		client.mu.Lock()
		n += len(client.backend)
		client.mu.Unlock()
	}
	return n
}

func expectEnd(t *testing.T, ended <-chan int, want int) {
	t.Helper()
	select {
	case n := <-ended:
		if n != want {
			t.Errorf("connection %d was closed, want %d", n, want)
		}
	case <-time.After(patiently / 2):
		t.Fatalf("connection %d stays open", want)
	}
}
