package h2_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/h2"
)

// begin opens a stream with a plain request that has ended.
func begin(t *testing.T, client *h2.Client, method string) *h2.Stream {
	t.Helper()
	s, err := client.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WriteHead([]byte(method+" / HTTP/1.1\r\nHost: a\r\n\r\n"), true); err != nil {
		t.Fatal(err)
	}
	s.Flush()
	return s
}

// TestMalformedResponsesAreReset: RFC 9113 sections 8.1 to 8.3 on responses. The client tells the server, and its caller.
func TestMalformedResponsesAreReset(t *testing.T) {
	for rule, send := range map[string]func(*raw){
		"missing status":        func(r *raw) { r.headers(1, true, "x: y") },
		"status of two digits":  func(r *raw) { r.headers(1, true, ":status: 20") },
		"status with a reason":  func(r *raw) { r.headers(1, true, ":status: 200 OK") },
		"CR LF in status":       func(r *raw) { r.headers(1, true, ":status: 2\r\n") },
		"status after a field":  func(r *raw) { r.headers(1, true, "x: y", ":status: 200") },
		"two status":            func(r *raw) { r.headers(1, true, ":status: 200", ":status: 200") },
		"request pseudo":        func(r *raw) { r.headers(1, true, ":status: 200", ":path: /") },
		"101":                   func(r *raw) { r.headers(1, false, ":status: 101") },
		"interim that ends":     func(r *raw) { r.headers(1, true, ":status: 100") },
		"interim with a length": func(r *raw) { r.headers(1, false, ":status: 103", "content-length: 5") },
		"connection field":      func(r *raw) { r.headers(1, true, ":status: 200", "connection: close") },
		"transfer-encoding":     func(r *raw) { r.headers(1, false, ":status: 200", "transfer-encoding: chunked") },
		"upper case":            func(r *raw) { r.headers(1, true, ":status: 200", "X: y") },
		"LF in a value":         func(r *raw) { r.headers(1, true, ":status: 200", "x: y\nset-cookie: z") },
		"NUL in a value":        func(r *raw) { r.headers(1, true, ":status: 200", "x: \x00") },
		"two lengths":           func(r *raw) { r.headers(1, false, ":status: 200", "content-length: 5", "content-length: 5") },
		"length without body":   func(r *raw) { r.headers(1, true, ":status: 200", "content-length: 5") },
		"DATA before the head":  func(r *raw) { r.WriteData(1, true, []byte("x")) },
		"DATA after interim":    func(r *raw) { r.headers(1, false, ":status: 103"); r.WriteData(1, true, []byte("x")) },
		"more than the length": func(r *raw) {
			r.headers(1, false, ":status: 200", "content-length: 1")
			r.WriteData(1, true, []byte("xx"))
		},
		"less than the length": func(r *raw) {
			r.headers(1, false, ":status: 200", "content-length: 3")
			r.WriteData(1, true, []byte("xx"))
		},
		"DATA of 204":            func(r *raw) { r.headers(1, false, ":status: 204"); r.WriteData(1, true, []byte("xx")) },
		"DATA of 304":            func(r *raw) { r.headers(1, false, ":status: 304"); r.WriteData(1, true, []byte("xx")) },
		"trailers that go on":    func(r *raw) { r.headers(1, false, ":status: 200"); r.headers(1, false, "x: y") },
		"pseudo in trailers":     func(r *raw) { r.headers(1, false, ":status: 200"); r.headers(1, true, ":status: 200") },
		"connection in trailers": func(r *raw) { r.headers(1, false, ":status: 200"); r.headers(1, true, "connection: x") },
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			r, client := rawServer(t)
			s := begin(t, client, "GET")
			r.next(http2.FrameHeaders, 1)
			send(r)
			r.wantReset(1, h2.ProtocolError)
			var err error
			for err == nil {
				_, err = s.ReadHead()
			}
			if err == io.EOF {
				_, err = readAll(s)
			}
			reset := new(h2.StreamError)
			if !errors.As(err, &reset) || !reset.Local || reset.Refused() || !s.Gone() {
				t.Errorf("got %v, gone %v, want a reset of our own", err, s.Gone())
			}
			s.Close()
			if !client.Usable() {
				t.Error("the connection is not usable any more")
			}
		})
	}
}

// TestBreachesByAServerEndTheConnection: what a server may not do, RFC 9113 sections 5 and 6.
func TestBreachesByAServerEndTheConnection(t *testing.T) {
	for name, test := range map[string]struct {
		code h2.ErrorCode
		send func(*raw)
	}{
		"PUSH_PROMISE": {h2.ProtocolError, func(r *raw) {
			r.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: r.head(get()...), EndHeaders: true})
		}},
		"ENABLE_PUSH of 1":       {h2.ProtocolError, func(r *raw) { r.WriteSettings(http2.Setting{ID: 2, Val: 1}) }},
		"stream of its own":      {h2.ProtocolError, func(r *raw) { r.headers(2, true, ":status: 200") }},
		"stream not opened":      {h2.ProtocolError, func(r *raw) { r.headers(3, true, ":status: 200") }},
		"DATA on one not opened": {h2.ProtocolError, func(r *raw) { r.WriteData(3, true, []byte("x")) }},
		"WINDOW_UPDATE likewise": {h2.ProtocolError, func(r *raw) { r.WriteWindowUpdate(3, 1) }},
		"RST_STREAM likewise":    {h2.ProtocolError, func(r *raw) { r.WriteRSTStream(3, http2.ErrCodeCancel) }},
		"frame too large":        {h2.FrameSizeError, func(r *raw) { r.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 16385)) }},
		"index beyond the table": {h2.CompressionError, func(r *raw) { r.WriteRawFrame(http2.FrameHeaders, 5, 1, []byte{0xff, 0x20}) }},
		"ping flood":             {h2.EnhanceYourCalm, func(r *raw) { flood(10_000, func() { r.WritePing(false, [8]byte{}) }) }},
		"settings flood":         {h2.EnhanceYourCalm, func(r *raw) { flood(1000, func() { r.WriteSettings() }) }},
		"empty DATA flood": {h2.EnhanceYourCalm, func(r *raw) {
			r.headers(1, false, ":status: 200")
			flood(10_000, func() { r.WriteData(1, false, nil) })
		}},
		"CONTINUATION flood":       {h2.EnhanceYourCalm, func(r *raw) { continueForEver(r) }},
		"DATA after it was closed": {h2.StreamClosed, func(r *raw) { r.headers(1, true, ":status: 200"); r.WriteData(1, true, []byte("x")) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, client := rawServer(t)
			s := begin(t, client, "GET")
			defer s.Close()
			r.next(http2.FrameHeaders, 1)
			test.send(r)
			r.wantGoAway(test.code)
			r.conn.Close()
			<-client.Done()
			if client.Usable() || !s.Gone() {
				t.Errorf("usable %v, gone %v", client.Usable(), s.Gone())
			}
		})
	}
}

func flood(n int, send func()) {
	for range n {
		send()
	}
}

func continueForEver(r *raw) {
	r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.head(":status: 200")})
	flood(80, func() { r.WriteContinuation(1, false, nil) })
}

// TestRefusedRequestsMayBeSentAgain: RFC 9113 section 8.7.
func TestRefusedRequestsMayBeSentAgain(t *testing.T) {
	for name, test := range map[string]struct {
		refused bool
		send    func(*raw)
	}{
		"REFUSED_STREAM":     {true, func(r *raw) { r.WriteRSTStream(1, http2.ErrCodeRefusedStream) }},
		"GOAWAY before it":   {true, func(r *raw) { r.WriteGoAway(0, http2.ErrCodeNo, nil) }},
		"CANCEL":             {false, func(r *raw) { r.WriteRSTStream(1, http2.ErrCodeCancel) }},
		"GOAWAY with it":     {false, func(r *raw) { r.WriteGoAway(1, http2.ErrCodeNo, nil); r.conn.Close() }},
		"connection is lost": {false, func(r *raw) { r.conn.Close() }},
	} {
		t.Run(name, func(t *testing.T) {
			r, client := rawServer(t)
			s := begin(t, client, "GET")
			defer s.Close()
			called := make(chan bool)
			s.SetCancel(func() { close(called) })
			r.next(http2.FrameHeaders, 1)
			test.send(r)
			_, err := s.ReadHead()
			reset := new(h2.StreamError)
			if got := errors.As(err, &reset) && reset.Refused(); err == nil || got != test.refused {
				t.Errorf("%v: refused %v, want %v", err, got, test.refused)
			}
			<-called
		})
	}
}

// TestOldStreamsGoOnAfterGoAway: those up to its last stream are answered.
func TestOldStreamsGoOnAfterGoAway(t *testing.T) {
	r, client := rawServer(t)
	s := begin(t, client, "GET")
	r.next(http2.FrameHeaders, 1)
	r.WriteGoAway(1, http2.ErrCodeNo, nil)
	r.ping()
	if _, err := client.Open(); err != h2.ErrGoingAway || client.Usable() {
		t.Errorf("Open: %v, usable %v", err, client.Usable())
	}
	r.headers(1, false, ":status: 200")
	r.WriteData(1, true, []byte("body"))
	if body, err := readAll(s); string(body) != "body" || err != nil {
		t.Errorf("body %q, %v", body, err)
	}
	s.Close()
	r.conn.Close()
	<-client.Done() // the connection ends by itself
}

func TestOpenKeepsToTheServersLimit(t *testing.T) {
	r, client := rawServer(t, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 2})
	r.ping()
	a, b := begin(t, client, "GET"), begin(t, client, "GET")
	if _, err := client.Open(); err != h2.ErrBusy {
		t.Errorf("Open: %v, want ErrBusy", err)
	}
	a.Close()
	if c, err := client.Open(); err != nil {
		t.Errorf("Open: %v", err)
	} else {
		c.Close()
	}
	b.Close()
}

// TestResponseBeyondTheLimitsIsRefusedByTheParser as one by HTTP/1.1 is.
func TestResponseBeyondTheLimitsIsRefusedByTheParser(t *testing.T) {
	r, client := rawServer(t)
	s := begin(t, client, "GET")
	defer s.Close()
	r.next(http2.FrameHeaders, 1)
	lines := []string{":status: 200"}
	for range 120 {
		lines = append(lines, "x: y")
	}
	r.headers(1, false, lines...)
	head, err := s.ReadHead()
	if err != nil {
		t.Fatal(err)
	}
	var response h1.Response
	response.Reset(false)
	if _, err := response.Parse(head, h1.Limits{}); err == nil || err == h1.ErrIncomplete {
		t.Errorf("Parse: %v, want a refusal", err)
	}
}

func TestInterimFloodIsReset(t *testing.T) {
	r, client := rawServer(t)
	s := begin(t, client, "GET")
	defer s.Close()
	r.next(http2.FrameHeaders, 1)
	flood(100, func() { r.headers(1, false, ":status: 103", "link: </a>") })
	r.wantReset(1, h2.EnhanceYourCalm)
}

// TestForbiddenTrailersAreLeftOut: RFC 9110 section 6.5.1, also when they are spelled for CGI.
func TestForbiddenTrailersAreLeftOut(t *testing.T) {
	r, client := rawServer(t)
	s := begin(t, client, "GET")
	defer s.Close()
	r.next(http2.FrameHeaders, 1)
	r.headers(1, false, ":status: 200")
	r.headers(1, true, "grpc-status: 0", "content-length: 5", "host: a", "authorization: x", "set-cookie: a=b", "x-forwarded-for: y",
		"x_forwarded_for: y", "transfer_encoding: chunked", "x_sum: 1")
	if _, err := readAll(s); err != nil {
		t.Fatal(err)
	}
	if want := "grpc-status: 0\r\nx_sum: 1\r\n"; string(s.Trailers()) != want {
		t.Errorf("trailers %q, want %q", s.Trailers(), want)
	}
}

// TestHeadsToSendAreChecked: nothing that is not a head goes out, and the connection's table is not touched by it.
func TestHeadsToSendAreChecked(t *testing.T) {
	r, client := rawServer(t)
	for _, head := range []string{
		"", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n\r\n", "GET /\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
		"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nx\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nx: y\rz\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nx: y\x00\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nx : y\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n:path: y\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nuser-agent: u\r\nx: \ny\r\n\r\n",
	} {
		s, err := client.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.WriteHead([]byte(head), true); err == nil {
			t.Errorf("%q was sent", head)
		}
		s.Close()
	}
	begin(t, client, "GET").Close()
	if f := r.next(http2.FrameHeaders, 1); f.stream != 1 {
		t.Errorf("the first head went on stream %d", f.stream)
	}
}

// TestLargeHeadsAreContinued: a head of over 16 KB takes several frames, and comes over whole.
func TestLargeHeadsAreContinued(t *testing.T) {
	heads := make(chan string, 1)
	address := serve(t, false, h2.ServerOptions{}, func(s *h2.Stream) { heads <- string(s.Head()); echo(s) })
	client := dial(t, address, h2.ClientOptions{})
	for _, n := range []int{16_000, 16_384, 33_000, 60_000} {
		s, err := client.Open()
		if err != nil {
			t.Fatal(err)
		}
		field := "x: " + strings.Repeat("y", n) + "\r\n"
		if err := s.WriteHead([]byte("GET / HTTP/1.1\r\nhost: a\r\n"+field+"\r\n"), true); err != nil {
			t.Fatal(err)
		}
		s.Flush()
		if got, want := <-heads, "GET / HTTP/1.1\r\nhost: a\r\n"+field+"\r\n"; got != want {
			t.Errorf("%d bytes came as %d", len(want), len(got))
		}
		s.Close()
	}
}
