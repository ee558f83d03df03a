package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"headroom.dev/headroom/balancing/h2"
)

// h2Script is a backend that speaks HTTP/2 and runs a function for each stream; n counts them.
func h2Script(t *testing.T, f func(n int64, server *h2.Server, s *h2.Stream)) string {
	var count atomic.Int64
	return script(t, func(_ int, conn net.Conn, _ *bufio.Reader) {
		server := h2.NewServer(conn, h2.ServerOptions{})
		server.Serve(func(s *h2.Stream) { f(count.Add(1), server, s) })
	})
}

func answerOK(s *h2.Stream) {
	s.WriteHead([]byte("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"), false)
	s.Write([]byte("ok"), true)
	s.Flush()
}

// A stream that was refused was not acted upon, so it is sent again, whatever its method (RFC 9113 section 8.7).
func TestRefusedStreamsAreSentToAnotherBackend(t *testing.T) {
	refusing := h2Script(t, func(_ int64, _ *h2.Server, s *h2.Stream) { s.Reset(h2.RefusedStream) })
	taking := h2Script(t, func(_ int64, _ *h2.Server, s *h2.Stream) { answerOK(s) })
	w := before(t, wire{}, wire{http2: true}, []string{refusing, taking})
	for _, method := range []string{"GET", "POST"} {
		for range 5 {
			res := w.do(w.ask(method, "/", "body"))
			if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 {
				t.Errorf("%s: got %d %s", method, res.StatusCode, body)
			}
		}
	}
}

// A backend that sends GOAWAY now and then, as servers do at the end of a connection's age, costs no request.
func TestGoAwayCostsNoRequest(t *testing.T) {
	address := h2Script(t, func(n int64, server *h2.Server, s *h2.Stream) {
		if n%7 == 0 {
			server.Shutdown()
		}
		answerOK(s)
	})
	w := before(t, wire{}, wire{http2: true}, []string{address})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				res, err := w.client.Do(w.ask("POST", "/", "x"))
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(res.Body)
				if res.Body.Close(); res.StatusCode != http.StatusOK {
					t.Errorf("got %d %s", res.StatusCode, body)
				}
			}
		})
	}
	wg.Wait()
}

// A connection that dies between two requests costs none either.
func TestConnectionThatDiesBetweenRequestsCostsNone(t *testing.T) {
	var mu sync.Mutex
	var open []net.Conn
	address := script(t, func(_ int, conn net.Conn, _ *bufio.Reader) {
		mu.Lock()
		open = append(open, conn)
		mu.Unlock()
		h2.NewServer(conn, h2.ServerOptions{}).Serve(answerOK)
	})
	w := before(t, wire{}, wire{http2: true}, []string{address})
	for range 30 {
		res := w.do(w.ask("GET", "/", ""))
		if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 {
			t.Fatalf("got %d %s", res.StatusCode, body)
		}
		mu.Lock()
		for _, conn := range open {
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
		open = nil
		mu.Unlock()
	}
}

// A backend may answer before it has the body, and tell so by NO_ERROR: the response counts (RFC 9113 section 8.1).
func TestAnswerThatOvertakesTheBodyIsTaken(t *testing.T) {
	address := h2Script(t, func(_ int64, _ *h2.Server, s *h2.Stream) { answerOK(s) })
	w := before(t, wire{}, wire{http2: true}, []string{address})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				res, err := w.client.Do(w.ask("POST", "/", "body"))
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(res.Body)
				if res.Body.Close(); res.StatusCode != http.StatusOK {
					t.Errorf("got %d %s", res.StatusCode, body)
				}
			}
		})
	}
	wg.Wait()
}
