package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestForwardedFieldsAreOursAndHopByHopOnesGone(t *testing.T) {
	seen := make(chan *http.Request, 1)
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "1")
		w.Header().Set("Keep-Alive", "timeout=5")
	})
	_, address := serve(t, o.address())
	c := connect(t, address)
	c.write(request("GET /a%2Fb?q=%zz", "Connection: keep-alive, X-Secret, X-Forwarded-For, X-Forwarded-Proto", "X-Secret: 1", "Keep-Alive: 5",
		"X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X_Forwarded_For: 7.7.7.7", "Via: 1.0 fred", "Upgrade: h2c", "TE: trailers", "X-Custom: stays"))
	res, _ := c.response("GET")
	if res.Header.Get("X-Hop") != "" || res.Header.Get("Keep-Alive") != "" {
		t.Errorf("hop-by-hop fields came back: %v", res.Header)
	}
	r := <-seen
	for name, want := range map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop", "Via": "1.0 fred, 1.1 headroom",
		"X-Custom": "stays", "X-Secret": "", "Keep-Alive": "", "Upgrade": "", "Te": "", "Connection": "", "X_forwarded_for": "",
	} {
		if got := strings.Join(r.Header[name], "|"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if id := r.Header.Get("X-Request-Id"); len(id) != 24 {
		t.Errorf("request ID %q", id)
	}
	if r.RequestURI != "/a%2Fb?q=%zz" || r.Host != "shop" {
		t.Errorf("got %s at %s", r.RequestURI, r.Host)
	}
	c.write(request("GET /", "X-Forwarded-For: 6.6.6.6", "X-Request-Id: mine-1"))
	c.response("GET")
	r = <-seen
	if got := r.Header.Get("X-Forwarded-For"); got != "127.0.0.1" {
		t.Errorf("X-Forwarded-For: got %q", got)
	}
	if got := r.Header.Get("X-Request-Id"); got != "mine-1" {
		t.Errorf("X-Request-Id: got %q", got)
	}
}

func TestOnlyTrustedProxiesAreBelieved(t *testing.T) {
	claimed := []string{"X-Forwarded-For: 6.6.6.6, 10.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example.com",
		"X-Forwarded-Port: 443", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6;proto=https"}
	for _, c := range []struct {
		trusted []string
		want    map[string]string
	}{
		{nil, map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop", "X-Forwarded-Port": "",
			"X-Real-Ip": "", "Forwarded": ""}},
		{[]string{"127.0.0.0/8"}, map[string]string{"X-Forwarded-For": "6.6.6.6, 10.0.0.1, 127.0.0.1", "X-Forwarded-Proto": "https",
			"X-Forwarded-Host": "shop.example.com", "X-Forwarded-Port": "443", "X-Real-Ip": "6.6.6.6",
			"Forwarded": "for=6.6.6.6;proto=https, for=127.0.0.1;proto=http"}},
	} {
		seen := make(chan http.Header, 1)
		o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { seen <- r.Header })
		s := start(t, Options{})
		r := route(o.address())
		r.LoadBalancing.TrustedProxies = c.trusted
		apply(t, s, r)
		conn := connect(t, s.Addr(anyPort).String())
		conn.write(request("GET /", claimed...))
		conn.response("GET")
		header := <-seen
		for name, want := range c.want {
			if got := header.Get(name); got != want {
				t.Errorf("trusting %v: %s is %q, want %q", c.trusted, name, got, want)
			}
		}
	}
}

func TestATraceGoesOnOrBegins(t *testing.T) {
	seen := make(chan http.Header, 1)
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { seen <- r.Header })
	s := start(t, Options{})
	r := route(o.address())
	r.LoadBalancing.TraceSampling = 1
	apply(t, s, r)
	conn := connect(t, s.Addr(anyPort).String())
	const given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00" // the example of W3C Trace Context
	for _, c := range []struct {
		sent string
		kept bool
	}{
		{given, true},
		{"cc" + given[2:] + "-what-the-future-will-bring", true},
		{"ff" + given[2:], false},
		{given + "-x", false},
		{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false},
		{"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false},
		{"", false},
	} {
		conn.write(request("GET /", "traceparent: "+c.sent, "tracestate: a=1"))
		conn.response("GET")
		header := <-seen
		got := header.Get("Traceparent")
		if c.kept && (got != c.sent || header.Get("Tracestate") != "a=1") {
			t.Errorf("%q became %q with state %q", c.sent, got, header.Get("Tracestate"))
		}
		if begun := validTrace([]byte(got)) && strings.HasSuffix(got, "-01") && header.Get("Tracestate") == ""; !c.kept && !begun {
			t.Errorf("instead of %q came %q with state %q", c.sent, got, header.Get("Tracestate"))
		}
		if len(header["Traceparent"]) != 1 {
			t.Errorf("%d traces", len(header["Traceparent"]))
		}
	}
}

func TestMaxForwardsZeroIsAnsweredHere(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Left", r.Header.Get("Max-Forwards")) })
	_, address := serve(t, o.address())
	c := connect(t, address)
	c.write(request("OPTIONS *", "Max-Forwards: 0"))
	if res, _ := c.response("OPTIONS"); res.StatusCode != 200 || o.conns.Load() != 0 {
		t.Errorf("got %d, %d connections", res.StatusCode, o.conns.Load())
	}
	c.write(request("OPTIONS /", "Max-Forwards: 3"))
	if res, _ := c.response("OPTIONS"); res.Header.Get("X-Left") != "2" {
		t.Errorf("got %q, want 2", res.Header.Get("X-Left"))
	}
}

func TestMalformedRequestsAreAnsweredAndEndTheConnection(t *testing.T) {
	o := newOrigin(t, ok)
	s, address := serve(t, o.address())
	for text, want := range map[string]int{
		"GET / HTTP/1.1\r\n\r\n": 400,
		request("POST /", "Content-Length: 1", "Transfer-Encoding: chunked"): 400,
		request("POST /", "Transfer-Encoding: gzip"):                         501,
		request("CONNECT shop:80"):                                           501,
		request("POST /", "Expect: 200", "Content-Length: 1"):                417,
		"GET / HTTP/2.0\r\n\r\n":                                             505,
		request("GET /" + strings.Repeat("x", 20000)):                        414,
		request("GET /", "X: "+strings.Repeat("x", 70000)):                   431,
		request("POST /", "Transfer-Encoding: chunked") + "xyz\r\n":          400,
	} {
		c := connect(t, address)
		c.write(text + "GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n")
		res, body := c.response("GET")
		if res.StatusCode != want || !res.Close {
			t.Errorf("%.60q: got %d, close %v, want %d", text, res.StatusCode, res.Close, want)
		}
		if !strings.Contains(body, `"requestId":"`+res.Header.Get("X-Request-Id")+`"`) {
			t.Errorf("no request ID in %s", body)
		}
		c.expectClosed()
	}
	settled(t, s)
	if n := s.Measure(time.Now()).Services[0].Traffic.Outcomes.Rejected; n != 9 {
		t.Errorf("%d rejected, want 9", n)
	}
}
