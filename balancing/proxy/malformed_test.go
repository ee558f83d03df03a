package proxy

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"headroom.dev/headroom/balancing/accesslog"
)

// keeping is an access log that keeps why requests failed.
type keeping struct{ entries chan string }

func (k keeping) Enabled() bool   { return true }
func (k keeping) Dropped() uint64 { return 0 }
func (k keeping) Record(e *accesslog.Entry) {
	k.entries <- e.Protocol + " " + e.Outcome + ": " + e.Why
}

// By HTTP/2 a request whose head is malformed is reset, and never becomes an exchange. It is counted and logged as others are.
func TestHeadThatHTTP2RefusesIsCountedAndLogged(t *testing.T) {
	log := keeping{make(chan string, 10)}
	s := startSecure(t, Options{AccessLog: log})
	apply(t, s, route(newOrigin(t, ok).address()))
	conn, err := net.Dial("tcp", s.Addr(anyPort).String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patiently))
	io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	framer.WriteSettings()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range []string{":method", ":scheme", ":path", ":authority", "Upper"} {
		encoder.WriteField(hpack.HeaderField{Name: field, Value: map[string]string{":method": "GET", ":scheme": "http", ":path": "/"}[field]})
	}
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if f.Header().Type == http2.FrameRSTStream {
			break
		}
	}
	const want = "HTTP/2.0 rejected: field name is empty, unknown with a colon, has upper case, or is not a token"
	if got := <-log.entries; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
	m := s.Measure(time.Now())
	if l := m.Listeners[0]; l.Malformed != 1 || l.HTTP2 != 1 {
		t.Errorf("%d malformed of %d by HTTP/2, want 1 of 1", l.Malformed, l.HTTP2)
	}
	if n := m.Services[0].Traffic.Outcomes.Rejected; n != 1 {
		t.Errorf("%d rejected, want 1", n)
	}
}
