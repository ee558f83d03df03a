package proxy

import (
	"io"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
)

// A client that says nothing is accepted a second later than the others. It counts, and its time ends, as theirs do.
func TestClientsThatSayNothingAreCountedBoundedAndTimedOut(t *testing.T) {
	for _, front := range []wire{{}, {tls: true}} {
		w := between(t, front, wire{}, ok, func(r *headroom.ServiceRoute) {
			r.LoadBalancing.Limits.ConnectionsPerClient = 2
			r.LoadBalancing.Timeouts.Idle, r.LoadBalancing.Timeouts.Header = headroom.Duration(2*time.Second), headroom.Duration(2*time.Second)
		})
		open := func() *rawClient { return connect(t, w.server.Addr(anyPort).String()) }
		opened := func() int64 { return w.server.Measure(time.Now()).Listeners[0].Connections }
		clients := []*rawClient{open(), open()}
		eventually(t, "both are accepted", func() bool { return opened() == 2 })
		third := open()
		if !front.tls {
			if res, _ := third.response("GET"); res.StatusCode != 503 {
				t.Errorf("the third got %d", res.StatusCode)
			}
		}
		third.expectClosed()
		for _, c := range clients {
			c.expectClosed()
		}
		eventually(t, "no connection is counted", func() bool { return opened() == 0 })
	}
}

func TestClientThatHasSpokenBeforeItIsTurnedAwayGetsToKnowWhy(t *testing.T) {
	w := between(t, wire{}, wire{}, ok, func(r *headroom.ServiceRoute) { r.LoadBalancing.MaxConnections = 1 })
	first := connect(t, w.server.Addr(anyPort).String())
	first.write(request("GET /"))
	first.response("GET")
	second := connect(t, w.server.Addr(anyPort).String())
	second.write(request("GET /"))
	if res, _ := second.response("GET"); res.StatusCode != 503 {
		t.Errorf("got %d", res.StatusCode)
	}
	if _, err := second.conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want the end and no reset", err)
	}
}

// Servers of TCP services may speak first, so that their clients are accepted at once.
func TestOnlyClientsOfHTTPAreExpectedToSpeakFirst(t *testing.T) {
	s := start(t, Options{})
	for _, c := range []struct {
		route headroom.ServiceRoute
		want  int
	}{{route(refused(t)), 1}, {asTCP(route(refused(t))), 0}, {route(refused(t)), 1}} {
		apply(t, s, c.route)
		raw, err := s.Listeners()[anyPort].(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Control(func(fd uintptr) {
			if got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT); got != c.want || err != nil {
				t.Errorf("accepting is put off for %d s, %v, want %d", got, err, c.want)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
}
