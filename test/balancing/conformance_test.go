package balancing

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
)

// request is a row of the tables of requests: bytes in, and what must come of them.
type request struct {
	demand string // what is demanded, in words
	source string // the section that does, "RFC 9112" and "RFC 9110" being left out
	send   string
	then   string // sent when the first answer has come, interim ones included
	half   bool   // the client ends its side after what it sent
	want   string // the statuses of the answers, "a|b" for either, and whether the connection is "open" or "closed" after them
	// sees are texts of what reaches the backend, with "!" before those that must not be in it. Nil for rows that are answered without it.
	sees []string
}

// refused is a row whose request gets this status, a closed connection, and nothing of it to the backend, at least not whole.
func refused(status, demand, source, send string) request {
	return request{demand: demand, source: source, send: send, want: status + " closed"}
}

// passed is a row whose request reaches the backend and is answered by it, and whose connection goes on.
func passed(demand, source, send string, sees ...string) request {
	return request{demand: demand, source: source, send: send, want: "200 open", sees: append([]string{}, sees...)}
}

// suite runs rows against one balancer over any kind of connection that carries HTTP/1.1.
type suite struct {
	*balancer
	origin *origin
	dial   func() (net.Conn, error)
	asked  int // sentinels
}

func newSuite(t *testing.T) *suite {
	o := newOrigin(t)
	s := &suite{origin: o, balancer: balance(t, [][]string{{o.address()}})}
	s.dial = func() (net.Conn, error) { return net.Dial("tcp", s.listens[0]) }
	return s
}

func (s *suite) connect(t *testing.T) *client {
	t.Helper()
	conn, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newClient(conn)
}

// sentinel is the next client: it must get its own response, and its request must be the last that reached the backend.
func (s *suite) sentinel(t *testing.T) (over int) {
	t.Helper()
	s.asked++
	line := fmt.Sprintf("GET /sentinel/%d", s.asked)
	c := s.connect(t)
	fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", line)
	r, err := c.response("GET")
	if err != nil || r.status != 200 || r.body != proof(line, "") {
		t.Errorf("the next client got %d %q, %v", r.status, r.body, err)
	}
	for _, got := range s.origin.requests() {
		if got.line == line {
			return got.conn
		}
	}
	t.Errorf("the next client's request did not reach the backend")
	return 0
}

func TestRequestsAreTreatedAsTheRFCsDemand(t *testing.T) {
	s := newSuite(t)
	for _, table := range [][]request{
		framingRequests, chunkRequests, lineRequests, fieldRequests, hostRequests, connectionRequests, methodRequests,
		forwardedRequests, bodyRequests, oversizedRequests, malformedRequests, smugglingRequests, cookieRequests,
	} {
		for _, row := range table {
			t.Run(row.source+" "+row.demand, func(t *testing.T) { s.request(t, row) })
		}
	}
}

func (s *suite) request(t *testing.T, row request) {
	s.origin.expect(reply{})
	c := s.connect(t)
	go func() { // a large request may be refused before all of it is sent
		io.WriteString(c, row.send)
		if row.half {
			c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		}
	}()
	statuses, after := splitWant(row.want)
	reached := 0
	methods := methodsOf(row.send)
	for i, want := range statuses {
		method := "GET"
		if i < len(methods) {
			method = methods[i]
		}
		r, err := c.response(method)
		if err != nil {
			t.Fatalf("answer %d: got %v, want %s", i+1, err, want)
		}
		if !strings.Contains("|"+want+"|", "|"+strconv.Itoa(r.status)+"|") {
			t.Fatalf("answer %d: got %d %q, want %s", i+1, r.status, r.body, want)
		}
		if r.broken != nil {
			t.Errorf("answer %d: its body is broken: %v", i+1, r.broken)
		}
		if last := i == len(statuses)-1; last && r.closes != (after == "closed") {
			t.Errorf("answer %d: Connection: close is announced: %v, and the connection shall be %s", i+1, r.closes, after)
		}
		if r.status >= 400 && (r.header.Get("Content-Type") != "application/problem+json" || r.header.Get("X-Request-Id") == "") {
			t.Errorf("answer %d is no problem document with an ID: %q", i+1, r.head)
		}
		if i == 0 {
			io.WriteString(c, row.then)
		}
		if r.status == 200 {
			reached++
		}
	}
	if row.sees == nil {
		reached = 0
	}
	s.ends(t, c, after)
	s.sentinel(t)
	checkSeen(t, s.origin.requests(), row.sees, reached)
}

// splitWant takes the last word of what a row wants from the statuses before it.
func splitWant(want string) (statuses []string, after string) {
	fields := strings.Fields(want)
	return fields[:len(fields)-1], fields[len(fields)-1]
}

// ends checks that the client's connection is closed, or takes another request.
func (s *suite) ends(t *testing.T, c *client, after string) {
	t.Helper()
	if after == "closed" {
		if err := c.closed(); err != nil {
			t.Error(err)
		}
		return
	}
	s.asked++
	line := fmt.Sprintf("GET /sentinel/%d", s.asked)
	fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: a\r\n\r\n", line)
	if r, err := c.response("GET"); err != nil || r.body != proof(line, "") {
		t.Errorf("the next request on the connection got %d %q, %v", r.status, r.body, err)
	}
}

// checkSeen compares what reached the backend, without sentinels, with what should have.
func checkSeen(t *testing.T, requests []seen, texts []string, want int) {
	t.Helper()
	whole := 0
	var raw strings.Builder
	for _, got := range requests {
		if strings.Contains(got.line, "/sentinel/") {
			continue
		}
		raw.WriteString(got.raw)
		if got.whole {
			whole++
		}
	}
	if whole != want {
		t.Errorf("%d requests reached the backend whole, want %d: %q", whole, want, raw.String())
	}
	checkTexts(t, "the backend got", raw.String(), texts)
}

// checkTexts looks for each text, and for none of those with "!" before them, whatever their case.
func checkTexts(t *testing.T, what, got string, texts []string) {
	t.Helper()
	lower := strings.ToLower(got)
	for _, text := range texts {
		absent, found := strings.CutPrefix(text, "!")
		if strings.Contains(lower, strings.ToLower(absent)) == found {
			t.Errorf("%s %q: want %q", what, got, text)
		}
	}
}

// methodsOf guesses the methods of pipelined requests, which say whether responses have bodies: HEAD is all that matters.
func methodsOf(send string) []string {
	var methods []string
	for _, line := range strings.Split(send, "\r\n") {
		if method, _, found := strings.Cut(line, " /"); found && strings.HasSuffix(line, " HTTP/1.1") {
			methods = append(methods, method)
		}
	}
	return methods
}

// lines writes wire text as readable lines.
func lines(text ...string) string { return strings.Join(text, "\r\n") + "\r\n" }

func head(line string, fields ...string) string {
	return lines(append(append([]string{line, "Host: a"}, fields...), "")...)
}

func get(fields ...string) string  { return head("GET / HTTP/1.1", fields...) }
func post(fields ...string) string { return head("POST / HTTP/1.1", fields...) }

// sized is a POST with a length and a body.
func sized(body string, fields ...string) string {
	return post(append(fields, "Content-Length: "+strconv.Itoa(len(body)))...) + body
}

// chunked is a POST with this text as the chunked body.
func chunked(wire string, fields ...string) string {
	return post(append(fields, "Transfer-Encoding: chunked")...) + wire
}
