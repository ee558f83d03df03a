package balancing

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// answered is a row of the tables of responses: what a backend says, and what the client must get.
type answered struct {
	demand string
	source string // as in request
	ask    string // GET where empty; a method, or a whole head that ends in a blank line
	reply  reply
	want   string   // the statuses, interim ones included, and what becomes of the client's connection: open, closed, or broken in the body
	gets   []string // texts of the last head, its body and trailers, with "!" before those that must not be there
	reused bool     // the backend's connection may carry the next request
}

func ok(fields ...string) string {
	return lines(append(append([]string{"HTTP/1.1 200 OK"}, fields...), "")...)
}

// malformed is a row of a response that nobody may see any of, and after which the backend's connection is not to be trusted.
func malformed(demand, source, raw string) answered {
	return answered{demand: demand, source: source, reply: reply{raw: raw}, want: "502 open"}
}

// relayed is a row of a response that the client gets, and after which both connections go on.
func relayed(demand, source, raw string, gets ...string) answered {
	return answered{demand: demand, source: source, reply: reply{raw: raw}, want: "200 open", gets: gets, reused: true}
}

func TestResponsesAreTreatedAsTheRFCsDemand(t *testing.T) {
	s := newSuite(t)
	for _, table := range [][]answered{malformedResponses, framedResponses, interimResponses, relayedResponses, untrustedResponses} {
		for _, row := range table {
			t.Run(row.source+" "+row.demand, func(t *testing.T) { s.answer(t, row) })
		}
	}
}

func (s *suite) answer(t *testing.T, row answered) {
	s.sentinel(t) // so that the backend has an idle connection
	s.origin.expect(row.reply)
	c := s.connect(t)
	ask, method := row.ask, "GET"
	switch ask {
	case "":
		ask = get()
	case http.MethodHead:
		ask, method = head("HEAD / HTTP/1.1"), ask
	}
	io.WriteString(c, ask)
	statuses, after := splitWant(row.want)
	for i, want := range statuses {
		r, err := c.response(method)
		if err != nil {
			t.Fatalf("answer %d: got %v, want %s", i+1, err, want)
		}
		if strconv.Itoa(r.status) != want {
			t.Fatalf("answer %d: got %d %q, want %s", i+1, r.status, r.body, want)
		}
		if i < len(statuses)-1 {
			continue
		}
		if (r.broken != nil) != (after == "broken") {
			t.Errorf("its body is %q and broken by %v, and shall be %s", r.body, r.broken, after)
		}
		checkTexts(t, "the client got", r.head+r.body+r.tail, row.gets)
	}
	if after != "broken" {
		s.ends(t, c, after)
	}
	before := s.origin.requests()
	conn := s.sentinel(t)
	if reused := len(before) > 0 && before[0].conn == conn; reused != row.reused {
		t.Errorf("the backend's connection is used again: %v, want %v", reused, row.reused)
	}
}

// Bytes that come behind a response, at once or later, belong to nobody: the connection is not used again.
func TestBytesBehindAResponseReachNobody(t *testing.T) {
	s := newSuite(t)
	evil := ok("Content-Length: 4") + "evil"
	for _, first := range []string{ok("Content-Length: 2") + "ok", ok("Transfer-Encoding: chunked") + "2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n"} {
		late := make(chan struct{})
		s.origin.mu.Lock()
		s.origin.late = late
		s.origin.mu.Unlock()
		s.origin.expect(reply{raw: first, late: evil})
		c := s.connect(t)
		io.WriteString(c, get())
		if r, err := c.response("GET"); err != nil || r.status >= 400 || r.body != "ok" && r.body != "" {
			t.Fatalf("after %q: got %d %q, %v", first, r.status, r.body, err)
		}
		close(late) // the bytes come while the connection may be in the pool
		for range 5 {
			s.sentinel(t)
		}
		s.ends(t, c, "open")
	}
}

// A response that comes before the body was sent reaches the client, and neither connection is used again.
func TestEarlyResponseEndsBothConnections(t *testing.T) {
	s := newSuite(t)
	s.sentinel(t)
	s.origin.expect(reply{raw: "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig", early: true, end: closes})
	c := s.connect(t)
	io.WriteString(c, post("Content-Length: 100000000")+"x")
	r, err := c.response("POST")
	if err != nil || r.status != 413 || r.body != "big" || !r.closes {
		t.Fatalf("got %d %q, close %v, %v", r.status, r.body, r.closes, err)
	}
	if err := c.closed(); err != nil {
		t.Error(err)
	}
	s.sentinel(t)
}

// A backend that never answers costs the client what timeouts.response says, and then the connection to it.
func TestBackendThatNeverAnswersTimesOut(t *testing.T) {
	s := newSuite(t)
	s.origin.expect(reply{raw: "HTTP/1.1 102 Processing\r\n\r\n"})
	c := s.connect(t)
	began := time.Now()
	io.WriteString(c, get())
	for _, want := range []int{102, 504} {
		if r, err := c.response("GET"); err != nil || r.status != want {
			t.Fatalf("got %d, %v, want %d", r.status, err, want)
		}
	}
	if waited := time.Since(began); waited < 5*time.Second {
		t.Errorf("it came after %s, and timeouts.response is 5s", waited)
	}
	s.ends(t, c, "open")
}

// What a client is told when no backend can be reached names it, and the connection stays.
func TestBackendThatIsAwayIsA502(t *testing.T) {
	o := newOrigin(t)
	b := balance(t, [][]string{{o.address()}})
	o.listener.Close()
	o.expect(reply{raw: ok("Content-Length: 0", "Connection: close"), end: closes})
	c, err := dial(b.listens[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, get())
	if r, err := c.response("GET"); err != nil || r.status != 200 {
		t.Fatalf("the last response is %d, %v", r.status, err)
	}
	for range 2 {
		fmt.Fprint(c, post("Content-Length: 0", "Connection: keep-alive"))
		r, err := c.response("POST")
		if err != nil || r.status != 502 && r.status != 503 {
			t.Fatalf("got %d %q, %v", r.status, r.body, err)
		}
		if r.closes {
			t.Fatal("the connection is closed")
		}
	}
}
