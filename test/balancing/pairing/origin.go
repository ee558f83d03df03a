package pairing

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// behavior is how an origin answers one request.
type behavior int

const (
	withLength  behavior = iota
	inChunks             // with trailers
	untilClose           // the end of the connection is the end of the body
	noContent            // 204
	notModified          // 304
	closing              // with Connection: close
	vanishing            // closes behind the response without having said so
	cut                  // closes in the middle of the body
	broken               // resets in the middle of the body
	doubled              // a second response right behind the first
	delayed              // a second response a little later
	hinting              // interim responses first
	garbage              // no HTTP
	silent               // closes without a response
)

// weights is how often each behavior is chosen, in parts of their sum.
var weights = [...]int{
	withLength: 40, inChunks: 25, untilClose: 2, noContent: 3, notModified: 2, closing: 3, vanishing: 3, cut: 2, broken: 2,
	doubled: 3, delayed: 3, hinting: 3, garbage: 2, silent: 2,
}

const maxContent = 40000

// Origin is a backend that proves what it got and misbehaves behind its responses.
type Origin struct {
	listener net.Listener
	mu       sync.Mutex // guards all below
	random   *rand.Rand
	delayed  int                  // responses with a mark
	sent     map[string]time.Time // when responses were on their way that may be taken for others', by their mark
}

// Listen starts an origin that lives as long as the test.
func Listen(t testing.TB, seed uint64) *Origin {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &Origin{listener: listener, random: rand.New(rand.NewPCG(seed, 1)), sent: map[string]time.Time{}}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go o.serve(conn.(*net.TCPConn))
		}
	}()
	return o
}

// Address is host:port.
func (o *Origin) Address() string { return o.listener.Addr().String() }

func (o *Origin) draw(n int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.random.IntN(n)
}

func (o *Origin) choose() behavior {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	n := o.draw(sum)
	for b, w := range weights {
		if n -= w; n < 0 {
			return behavior(b)
		}
	}
	return withLength
}

func (o *Origin) serve(conn *net.TCPConn) {
	defer conn.Close()
	s := &session{origin: o, conn: conn}
	in := bufio.NewReader(conn)
	for {
		if _, err := in.Peek(1); err != nil {
			return
		}
		s.begin() // at the first byte: from here on nothing is sent that was not asked for
		request, err := http.ReadRequest(in)
		if err != nil || !s.answer(request) {
			return
		}
	}
}

// session is one connection of an origin.
type session struct {
	origin *Origin
	conn   *net.TCPConn

	mu   sync.Mutex // guards what follows; held while a delayed response is written
	busy bool       // a request is being answered
	late bool       // a delayed response was sent
	turn int        // counts requests
}

// answer answers one request and reports whether the connection goes on.
func (s *session) answer(request *http.Request) bool {
	b := s.origin.choose()
	early := request.ContentLength != 0 && s.origin.draw(20) == 0
	proof := earlyProofOf(request.Method, request.RequestURI)
	if !early {
		if request.Header.Get("Expect") != "" {
			io.WriteString(s.conn, "HTTP/1.1 100 Continue\r\n\r\n")
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return false
		}
		proof = proofOf(request.Method, request.RequestURI, body)
	}
	mark := s.mark()
	goesOn := s.reply(b, request.Method, proof, mark)
	s.origin.note(mark)
	if early && goesOn {
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return false
		}
	}
	s.end(b, proof)
	return goesOn
}

// reply writes the response of a behavior.
func (s *session) reply(b behavior, method, proof, mark string) (goesOn bool) {
	size := s.origin.draw(3) * s.origin.draw(maxContent/2)
	fields := markField(mark) + "X-Proof: " + proof + "\r\n"
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\n%sX-Size: %d\r\n", fields, size)
	length := fmt.Sprintf("Content-Length: %d\r\n", size)
	content := contentOf(proof, size)
	if method == http.MethodHead {
		content = ""
	}
	switch b {
	case inChunks:
		return s.write(head + "Transfer-Encoding: chunked\r\n\r\n" + s.chunks(method, content))
	case untilClose:
		s.write(head + "\r\n" + content)
		return false
	case noContent:
		return s.write("HTTP/1.1 204 No Content\r\n" + fields + "\r\n")
	case notModified:
		return s.write("HTTP/1.1 304 Not Modified\r\n" + fields + length + "\r\n")
	case closing:
		s.write(head + "Connection: close\r\n" + length + "\r\n" + content)
		return false
	case vanishing:
		s.write(head + length + "\r\n" + content)
		return false
	case cut, broken:
		s.write(head + fmt.Sprintf("Content-Length: %d\r\n\r\n", size+1) + content)
		if b == broken {
			s.conn.SetLinger(0)
		}
		return false
	case doubled:
		return s.write(head + length + "\r\n" + content + stray(proof, ""))
	case hinting:
		hint := "HTTP/1.1 103 Early Hints\r\n" + fields + "\r\n"
		return s.write(hint + hint + head + length + "\r\n" + content)
	case garbage:
		s.write("\x00\x01garbage\r\n\r\n")
		return false
	case silent:
		return false
	}
	return s.write(head + length + "\r\n" + content)
}

// stray is a second response that nobody asked for. It carries the proof of the first, which is wrong for whoever gets it.
func stray(proof, mark string) string {
	return "HTTP/1.1 200 OK\r\n" + markField(mark) + "X-Proof: " + proof + "\r\nX-Size: 5\r\nContent-Length: 5\r\n\r\nstray"
}

// chunks writes content in chunks of many sizes.
func (s *session) chunks(method, content string) string {
	if method == http.MethodHead {
		return ""
	}
	out := make([]byte, 0, len(content)+1000)
	for len(content) > 0 {
		n := min(len(content), 1+s.origin.draw(10000))
		out = fmt.Appendf(out, "%x\r\n%s\r\n", n, content[:n])
		content = content[n:]
	}
	return string(append(out, "0\r\nX-Trailer: yes\r\n\r\n"...))
}

func (s *session) write(text string) bool {
	_, err := io.WriteString(s.conn, text)
	return err == nil
}
