package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// sockets is a backend that echoes over WebSocket, and answers other requests with ok.
func sockets(t *testing.T) string {
	return script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		for {
			conn.SetDeadline(time.Now().Add(6 * patiently))
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if r.Header.Get("Upgrade") == "websocket" {
				io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
				io.Copy(conn, in)
				return
			}
			io.Copy(io.Discard, r.Body)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
}

// A table every 20 ms that adds, removes, drains and weighs backends: no request fails, and what is open lives on.
func TestNothingFailsWhileTheTableChanges(t *testing.T) {
	const streamsListen = "localhost:0"
	var web, bytes []headroom.Backend
	for i := range 3 {
		web = append(web, headroom.Backend{ID: fmt.Sprint("w", i), Service: "shop", Address: sockets(t), Weight: 1, State: headroom.BackendActive})
		bytes = append(bytes, headroom.Backend{ID: fmt.Sprint("t", i), Service: "bytes", Address: greeter(t, "hi", nil), Weight: 1, State: headroom.BackendActive})
	}
	vary := func(all []headroom.Backend, n int) []headroom.Backend {
		some := append([]headroom.Backend(nil), all[n%3:]...)
		some = append(some, all[:n%3]...)
		some[0].State = headroom.BackendDraining
		some[1].Weight = 1 + n%7
		return some[:2+n/3%2]
	}
	s := start(t, Options{})
	table := func(n int) headroom.RoutingTable {
		shop, tcp := route(), asTCP(route())
		shop.Backends, tcp.Backends = vary(web, n), vary(bytes, n)
		tcp.Service, tcp.LoadBalancing.Listen = "bytes", streamsListen
		shop.LoadBalancing.Limits.RequestsPerConnection = 1 + n%2*100_000
		return headroom.RoutingTable{Version: uint64(n), Services: []headroom.ServiceRoute{shop, tcp}}
	}
	if err := s.Apply(table(0)); err != nil {
		t.Fatal(err)
	}
	front, tcpFront := s.Addr(anyPort).String(), s.Addr(streamsListen).String()
	stop := make(chan struct{})
	var changing, wg sync.WaitGroup
	changing.Go(func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			case <-ticker.C:
				if err := s.Apply(table(n)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	until := time.Now().Add(3 * time.Second)
	for _, w := range []wire{{}, {http2: true}} {
		client := clientOver(t, w)
		for i := range 4 {
			wg.Go(func() {
				for n := 0; time.Now().Before(until); n++ {
					body := strings.Repeat("x", n%3*i*5_000)
					res, err := client.Post("http://"+front, "text/plain", strings.NewReader(body))
					if err != nil {
						t.Errorf("%v, request %d: %v", w, n, err)
						return
					}
					got, err := io.ReadAll(res.Body)
					res.Body.Close()
					if err != nil || res.StatusCode != 200 || string(got) != "ok" {
						t.Errorf("%v, request %d: %d %q, %v", w, n, res.StatusCode, got, err)
						return
					}
				}
			})
		}
	}
	talk := func(c *rawClient, what string) {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for n := 0; time.Now().Before(until); n++ {
			<-ticker.C
			want := fmt.Sprint(what, n, "\n")
			io.WriteString(c.conn, want)
			if got, err := c.in.ReadString('\n'); got != want {
				t.Errorf("%s, message %d: %q, %v", what, n, got, err)
				return
			}
		}
	}
	for range 4 {
		socket, tunnel := connect(t, front), connect(t, tcpFront)
		wg.Go(func() {
			io.WriteString(socket.conn, request("GET /", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"))
			if res, err := http.ReadResponse(socket.in, nil); err != nil || res.StatusCode != 101 {
				t.Errorf("got %v, %v", res, err)
				return
			}
			talk(socket, "WebSocket")
		})
		wg.Go(func() {
			tunnel.in.ReadString('\n')
			talk(tunnel, "TCP")
		})
		wg.Go(func() { // new ones all the time
			for time.Now().Before(until) {
				conn, err := net.Dial("tcp", tcpFront)
				if err != nil {
					t.Error(err)
					return
				}
				conn.SetDeadline(time.Now().Add(patiently))
				if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hi\n" {
					t.Errorf("a new TCP connection got %q, %v", line, err)
				}
				conn.Close()
			}
		})
	}
	wg.Wait()
	close(stop)
	changing.Wait()
}

// A lower bound of requests holds for connections that are beyond it already.
func TestRequestsPerConnectionThatAreLoweredHoldForOpenConnections(t *testing.T) {
	for _, front := range []wire{{}, {http2: true}} {
		w := between(t, front, wire{}, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, r.Header.Get("X-Request-Id")[:16]) })
		connection := func() string {
			res := w.do(w.ask("GET", "/", ""))
			id, _ := io.ReadAll(res.Body)
			return string(id)
		}
		first := connection()
		for range 5 {
			if connection() != first {
				t.Fatalf("%v: another connection without reason", front)
			}
		}
		w.route.LoadBalancing.Limits.RequestsPerConnection = 3
		apply(t, w.server, w.route)
		connection()
		eventually(t, fmt.Sprintf("%v: a new connection is used", front), func() bool { return connection() != first })
	}
}
