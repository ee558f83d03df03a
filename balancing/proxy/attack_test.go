package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// evil is a response that a client gets if bytes behind another response are taken for one.
const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

// Responses that end with their head (RFC 9112 section 6.3, rule 1) but are followed by a body all the same, at once or a little later.
func TestBodyBehindAResponseThatHasNoneReachesNobody(t *testing.T) {
	for name, c := range map[string]struct{ method, head string }{
		"HEAD":          {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n"},
		"HEAD, chunked": {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		"204":           {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		"204, length":   {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 42\r\n\r\n"},
		"304":           {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 42\r\n\r\n"},
		"length 0":      {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	} {
		for _, late := range []bool{false, true} {
			goOn := make(chan struct{})
			sent := make(chan struct{}, 1)
			backend := script(t, func(n int, conn net.Conn, in *bufio.Reader) {
				for {
					r, err := readRequest(in)
					if err != nil {
						return
					}
					if r.URL.Path == "/honest" {
						io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhonest")
						continue
					}
					if late {
						io.WriteString(conn, c.head)
						<-goOn
						io.WriteString(conn, evil)
						sent <- struct{}{}
						continue
					}
					io.WriteString(conn, c.head+evil)
				}
			})
			_, address := serve(t, backend)
			attacker, victim := connect(t, address), connect(t, address)
			attacker.write(request(c.method + " /"))
			if _, body := attacker.response(c.method); body != "" {
				t.Errorf("%s: got %q", name, body)
			}
			if close(goOn); late {
				<-sent
			}
			for _, client := range []*rawClient{victim, attacker, victim} {
				client.write(request("GET /honest"))
				if res, body := client.response("GET"); body != "honest" {
					t.Errorf("%s, late %v: got %d %q", name, late, res.StatusCode, body)
				}
			}
		}
	}
}

// counting is a backend that does something odd and counts the requests it got by method.
func counting(t *testing.T, odd func(conn net.Conn)) (address string, count func(method string) int64) {
	var posts, gets atomic.Int64
	address = script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		for {
			r, err := readRequest(in)
			if err != nil {
				return
			}
			if r.Method == "POST" {
				posts.Add(1)
			} else {
				gets.Add(1)
			}
			if r.URL.Path == "/odd" {
				odd(conn)
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	return address, func(method string) int64 {
		if method == "POST" {
			return posts.Load()
		}
		return gets.Load()
	}
}

// A POST whose first byte may have reached a backend is never sent again, whichever way the backend fails; a GET is, elsewhere.
func TestPostIsNeverSentTwiceHoweverTheBackendFails(t *testing.T) {
	reset := func(conn net.Conn) { conn.(*net.TCPConn).SetLinger(0) }
	for name, odd := range map[string]func(net.Conn){
		"closes": func(net.Conn) {}, "resets": reset,
		"half a head":     func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 200 OK\r\nConte") },
		"reset in a head": func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 2"); reset(conn) },
		"interim, closes": func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 102 Processing\r\n\r\n") },
		"garbage":         func(conn net.Conn) { io.WriteString(conn, "garbage\r\n\r\n") },
		"switches unasked": func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
		},
	} {
		for _, warm := range []bool{false, true} {
			var total func(string) int64
			a, countA := counting(t, odd)
			b, countB := counting(t, odd)
			total = func(method string) int64 { return countA(method) + countB(method) }
			_, address := serve(t, a, b)
			c := connect(t, address)
			if warm { // so that the odd one comes over connections that were used before
				for range 2 {
					c.write(request("GET /"))
					c.response("GET")
				}
			}
			c.write(request("POST /odd", "Content-Length: 4") + "once")
			res, _ := c.response("POST")
			if res.StatusCode == 102 {
				res, _ = c.response("POST")
			}
			if res.StatusCode != 502 {
				t.Errorf("%s, warm %v: got %d, want 502", name, warm, res.StatusCode)
			}
			if n := total("POST"); n != 1 {
				t.Errorf("%s, warm %v: the POST was sent %d times", name, warm, n)
			}
		}
	}
}

// Every request that began has ended in exactly one way, for the service and attempt by attempt, whatever clients and backends do.
func TestOutcomesAddUpUnderConcurrentMeasuring(t *testing.T) {
	s, address := serve(t, prover(t, 4).address(), refused(t), prover(t, 5).address())
	stop, measured := make(chan struct{}), make(chan struct{})
	var arrivals, ended, attempts, attemptsEnded, latencies uint64
	add := func() {
		for _, svc := range s.Measure(time.Now()).Services {
			arrivals += svc.Traffic.Arrivals
			ended += svc.Traffic.Outcomes.Total()
			latencies += svc.Traffic.Latency.Count
			for _, b := range svc.Backends {
				attempts += b.Traffic.Arrivals
				attemptsEnded += b.Traffic.Outcomes.Total()
			}
		}
	}
	go func() {
		defer close(measured)
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				add()
			}
		}
	}()
	const clients, each = 8, 100
	var wg sync.WaitGroup
	for id := range clients {
		wg.Go(func() {
			for i := range each {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				conn.SetDeadline(time.Now().Add(patiently))
				body := strings.Repeat("x", (id*i)%20000)
				fmt.Fprintf(conn, "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				if i%25 != 7 { // else it leaves at once
					io.Copy(io.Discard, conn)
				}
				conn.Close()
			}
		})
	}
	wg.Wait()
	settled(t, s)
	close(stop)
	<-measured
	add()
	if arrivals != clients*each || ended != arrivals || latencies != arrivals {
		t.Errorf("%d requests were sent, %d counted, %d ended, %d timed", clients*each, arrivals, ended, latencies)
	}
	if attempts != attemptsEnded || attempts < arrivals {
		t.Errorf("%d attempts, %d ended", attempts, attemptsEnded)
	}
}

// An upload in very small chunks costs its framing, not a write for each.
func TestSmallChunksAreSentOnTogether(t *testing.T) {
	const chunks = 2000
	writes := make(chan int, 1)
	backend := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		http.ReadRequest(in)
		var got bytes.Buffer
		pieces := 0
		buf := make([]byte, 64<<10)
		for !bytes.HasSuffix(got.Bytes(), []byte("\r\n0\r\n\r\n")) {
			n, err := in.Read(buf)
			if err != nil {
				return
			}
			got.Write(buf[:n])
			pieces++
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		writes <- strings.Count(got.String(), "\r\n")
	})
	_, address := serve(t, backend)
	c := connect(t, address)
	c.write(request("POST /", "Transfer-Encoding: chunked") + strings.Repeat("1\r\nx\r\n", chunks) + "0\r\n\r\n")
	if res, _ := c.response("POST"); res.StatusCode != 200 {
		t.Errorf("got %d", res.StatusCode)
	}
	if lines := <-writes; lines > chunks/10 {
		t.Errorf("%d lines of framing reached the backend for %d bytes", lines, chunks)
	}
}

// Clients that break their uploads off are nobody's failure but their own: they must not open the breaker of a backend.
func TestBrokenUploadsDoNotSpeakAgainstTheBackend(t *testing.T) {
	s, address := serve(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }).address())
	for _, text := range []string{
		request("POST /", "Content-Length: 100000") + "cut", request("POST /", "Transfer-Encoding: chunked") + "5\r\nab",
		request("POST /", "Transfer-Encoding: chunked") + "5\r\nabcdeXX", request("POST /", "Transfer-Encoding: chunked") + "zz\r\n",
		request("POST /", "Content-Length: 100") + "cut",
	} {
		c := connect(t, address)
		c.write(text)
		c.conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c.in)
		c.conn.Close()
	}
	settled(t, s)
	m := s.Measure(time.Now()).Services[0]
	if m.Traffic.Outcomes.Failed() != 0 || m.Backends[0].Traffic.Outcomes.Failed() != 0 || m.Traffic.Outcomes.Total() != 5 {
		t.Errorf("service %+v, backend %+v", m.Traffic.Outcomes, m.Backends[0].Traffic.Outcomes)
	}
}
