package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proof ties a response to its request: it is made of the target and the body.
func proof(target string, body []byte) string {
	return fmt.Sprintf("%s %08x", target, crc32.ChecksumIEEE(body))
}

// prover answers each request with its proof, in a random kind of framing, and sometimes breaks the connection.
func prover(t tester, seed uint64) *origin {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	draw := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	return newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("X-Proof", proof(r.RequestURI, body))
		size := draw(3) * draw(30000)
		switch draw(12) {
		case 0:
			w.Header().Set("Connection", "close")
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			w.Header().Set("Content-Length", strconv.Itoa(size+1000))
			io.WriteString(w, strings.Repeat("x", size)) // breaks off
			panic(http.ErrAbortHandler)
		case 3, 4, 5:
			w.Header().Set("Content-Length", strconv.Itoa(size))
		}
		io.WriteString(w, strings.Repeat(string(rune('a'+len(body)%26)), size))
	})
}

// soaker is one client that sends random requests, checks the proof of each response, and leaves at random moments.
type soaker struct {
	address string
	random  *rand.Rand
	id      int
	proven  *atomic.Int64
}

func (s *soaker) run(requests int) error {
	for sent := 0; sent < requests; {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			return err
		}
		conn.SetDeadline(time.Now().Add(patiently))
		n, err := s.talk(conn, sent, requests)
		conn.Close()
		if err != nil {
			return err
		}
		sent = n
	}
	return nil
}

// talk uses one connection until it ends or the soaker has had enough of it.
func (s *soaker) talk(conn net.Conn, sent, requests int) (int, error) {
	in := bufio.NewReader(conn)
	for sent < requests {
		batch := 1 + s.random.IntN(4)
		var want []string
		var wire strings.Builder
		for range batch {
			target := fmt.Sprintf("/%d/%d", s.id, sent)
			sent++
			body := bytes.Repeat([]byte{byte('a' + s.random.IntN(26))}, s.random.IntN(2)*s.random.IntN(20000))
			want = append(want, proof(target, body))
			if s.random.IntN(2) == 0 {
				fmt.Fprintf(&wire, "PUT %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body)
				continue
			}
			fmt.Fprintf(&wire, "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", target)
			if len(body) > 0 {
				fmt.Fprintf(&wire, "%x\r\n%s\r\n", len(body), body)
			}
			wire.WriteString("0\r\n\r\n")
		}
		if s.random.IntN(20) == 0 { // leaves in the middle of a request
			io.WriteString(conn, wire.String()[:s.random.IntN(wire.Len())])
			return sent, nil
		}
		go io.WriteString(conn, wire.String())
		for _, proof := range want {
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				if isTimeout(err) {
					return sent, fmt.Errorf("no response to %q: %w", proof, err)
				}
				return sent, nil // reset in the middle of the one before
			}
			if got := res.Header.Get("X-Proof"); res.StatusCode == 200 && got != proof {
				return sent, fmt.Errorf("got the response of %q for %q", got, proof)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.Close {
				return sent, nil
			}
			if res.StatusCode == 200 {
				s.proven.Add(1)
			}
		}
	}
	return sent, nil
}

func TestNoResponseEverReachesAnotherRequest(t *testing.T) {
	_, address := serve(t, prover(t, 1).address(), prover(t, 2).address(), prover(t, 3).address())
	var wg sync.WaitGroup
	var proven atomic.Int64
	for id := range 8 {
		wg.Go(func() {
			s := &soaker{address: address, random: rand.New(rand.NewPCG(uint64(id), 7)), id: id, proven: &proven}
			if err := s.run(250); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if proven.Load() < 500 {
		t.Errorf("only %d of 2000 requests were answered", proven.Load())
	}
}
