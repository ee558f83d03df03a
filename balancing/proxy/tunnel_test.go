package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestWebSocketsAreTunneled(t *testing.T) {
	backend := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		r, err := http.ReadRequest(in)
		if err != nil || r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" {
			io.WriteString(conn, "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")
			return
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello ")
		io.Copy(conn, in)
	})
	s, address := serve(t, backend)
	c := connect(t, address)
	c.write(request("GET /", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x") + "early ")
	res, err := http.ReadResponse(c.in, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "websocket" || res.Header.Get("Sec-WebSocket-Accept") != "x" {
		t.Fatalf("got %v, %v", res, err)
	}
	big := strings.Repeat("x", 1<<20)
	go func() {
		io.WriteString(c.conn, big)
		c.conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(c.in)
	if err != nil || string(got) != "hello early "+big {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	eventually(t, "the tunnel ended", func() bool { return s.loads()[0].InFlight == 0 })
	settled(t, s)
	m := s.Measure(time.Now())
	if n := m.Services[0].Traffic.Outcomes.Informational; n != 1 {
		t.Errorf("%d upgrades counted, want 1", n)
	}
	service, b := m.Services[0].Traffic, m.Services[0].Backends[0].Traffic
	in, out := uint64(len("early ")+len(big)), uint64(len("hello early ")+len(big))
	if service.BytesIn != in || b.BytesIn != in || service.BytesOut != out || b.BytesOut != out {
		t.Errorf("service %d in and %d out, backend %d and %d, want %d and %d", service.BytesIn, service.BytesOut, b.BytesIn, b.BytesOut, in, out)
	}
}

func TestSwitchThatNobodyAskedForIsRefused(t *testing.T) {
	backend := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		http.ReadRequest(in)
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	})
	_, address := serve(t, backend)
	c := connect(t, address)
	c.write(request("POST /", "Content-Length: 0"))
	if res, _ := c.response("POST"); res.StatusCode != 502 {
		t.Errorf("got %d, want 502", res.StatusCode)
	}
}
