package h2_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"headroom.dev/headroom/balancing/h2"
)

// TestMalformedRequestsAreReset has a case for each rule of RFC 9113 sections 8.1 to 8.3 and 8.5 on requests.
func TestMalformedRequestsAreReset(t *testing.T) {
	for _, test := range []struct {
		rule  string
		lines []string
	}{
		{"8.3 pseudo after regular", []string{":method: GET", ":scheme: http", "x: y", ":path: /", ":authority: a"}},
		{"8.3 pseudo after host", []string{":method: GET", ":scheme: http", "host: a", ":path: /"}},
		{"8.3 pseudo after cookie", []string{":method: GET", ":scheme: http", "cookie: a", ":path: /"}},
		{"8.3 unknown pseudo", get(":protocol: websocket")},
		{"8.3 response pseudo", get(":status: 200")},
		{"8.3 doubled method", get(":method: GET")},
		{"8.3 doubled path", get(":path: /")},
		{"8.3 doubled scheme", get(":scheme: http")},
		{"8.3 doubled authority", get(":authority: a")},
		{"8.3.1 missing method", []string{":scheme: http", ":path: /", ":authority: a"}},
		{"8.3.1 missing scheme", []string{":method: GET", ":path: /", ":authority: a"}},
		{"8.3.1 missing path", []string{":method: GET", ":scheme: http", ":authority: a"}},
		{"8.3.1 empty path", []string{":method: GET", ":scheme: http", ":path: ", ":authority: a"}},
		{"8.3.1 path without slash", []string{":method: GET", ":scheme: http", ":path: x", ":authority: a"}},
		{"8.3.1 absolute path", []string{":method: GET", ":scheme: http", ":path: http://b/", ":authority: a"}},
		{"8.3.1 asterisk of GET", []string{":method: GET", ":scheme: http", ":path: *", ":authority: a"}},
		{"8.3.1 space in path", []string{":method: GET", ":scheme: http", ":path: / HTTP/1.1", ":authority: a"}},
		{"8.3.1 CR LF in path", []string{":method: GET", ":scheme: http", ":path: /\r\nx: y", ":authority: a"}},
		{"8.3.1 fragment in path", []string{":method: GET", ":scheme: http", ":path: /#x", ":authority: a"}},
		{"8.3.1 CR LF in method", []string{":method: GET / HTTP/1.1\r\nx: y", ":scheme: http", ":path: /", ":authority: a"}},
		{"8.3.1 empty method", []string{":method: ", ":scheme: http", ":path: /", ":authority: a"}},
		{"8.3.1 CR LF in scheme", []string{":method: GET", ":scheme: http\r\n", ":path: /", ":authority: a"}},
		{"8.3.1 CR LF in authority", []string{":method: GET", ":scheme: http", ":path: /", ":authority: a\r\nx: y"}},
		{"8.3.1 space in authority", []string{":method: GET", ":scheme: http", ":path: /", ":authority: a b"}},
		{"8.3.1 host differs", get("host: b")},
		{"8.3.1 two hosts", []string{":method: GET", ":scheme: http", ":path: /", "host: a", "host: a"}},
		{"8.2.1 upper case", get("X-Y: z")},
		{"8.2.1 space in name", get("x y: z")},
		{"8.2.1 colon in name", get("x:y: z")},
		{"8.2.1 CR LF in name", get("x\r\ny: z")},
		{"8.2.1 high byte in name", get("x\xff: z")},
		{"8.2.1 LF in value", get("x: y\nz: a")},
		{"8.2.1 CR in value", get("x: y\rz")},
		{"8.2.1 NUL in value", get("x: y\x00z")},
		{"8.2.1 leading space", get("x:  y")},
		{"8.2.1 trailing tab", get("x: y\t")},
		{"8.2.2 connection", get("connection: close")},
		{"8.2.2 keep-alive", get("keep-alive: 5")},
		{"8.2.2 proxy-connection", get("proxy-connection: x")},
		{"8.2.2 transfer-encoding", get("transfer-encoding: chunked")},
		{"8.2.2 upgrade", get("upgrade: h2c")},
		{"8.2.2 te", get("te: gzip")},
		{"8.1.1 length of a request that has ended", get("content-length: 5")},
		{"8.1.1 two lengths", get("content-length: 0", "content-length: 0")},
		{"8.1.1 odd length", get("content-length: +0")},
		{"8.5 CONNECT with path", []string{":method: CONNECT", ":scheme: http", ":path: /", ":authority: a:1"}},
		{"8.5 CONNECT without authority", []string{":method: CONNECT"}},
		{"RFC 8441 extended CONNECT", []string{":method: CONNECT", ":protocol: websocket", ":scheme: http", ":path: /", ":authority: a"}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			malformed := make(chan string, 2)
			options := h2.ServerOptions{Malformed: func(reason string) { malformed <- reason }}
			r := rawClient(t, options, func(s *h2.Stream) {
				if !strings.Contains(string(s.Head()), "good") {
					t.Errorf("the handler got %q", s.Head())
				}
				echo(s)
			})
			r.headers(1, true, test.lines...)
			r.wantReset(1, h2.ProtocolError)
			r.headers(3, true, get("x: good")...) // the connection and its tables go on
			r.next(http2.FrameHeaders, 3)
			if len(malformed) != 1 || <-malformed == "" {
				t.Error("it was not told once, with a reason")
			}
		})
	}
}

// TestRequestsThatAreAnsweredNotReset: what HTTP/1.1's parser has an answer for comes to it.
func TestRequestsThatAreAnsweredNotReset(t *testing.T) {
	many := get()
	for i := range 120 {
		many = append(many, fmt.Sprintf("x-%d: y", i))
	}
	for _, test := range []struct {
		name, status string
		lines        []string
	}{
		{"CONNECT", "501", []string{":method: CONNECT", ":authority: a:1"}},
		{"TRACE", "501", []string{":method: TRACE", ":scheme: http", ":path: /", ":authority: a"}},
		{"no host", "400", []string{":method: GET", ":scheme: http", ":path: /"}},
		{"empty authority", "400", []string{":method: GET", ":scheme: http", ":path: /", ":authority: "}},
		{"user info in authority", "400", []string{":method: GET", ":scheme: http", ":path: /", ":authority: u@a"}},
		{"host alone", "200", []string{":method: GET", ":scheme: http", ":path: /", "host: a"}},
		{"host alike", "200", get("host: A")},
		{"asterisk", "200", []string{":method: OPTIONS", ":scheme: http", ":path: *", ":authority: a"}},
		{"too many fields", "431", many},
		{"too large a field", "431", get("x: " + strings.Repeat("y", 70_000))},
		{"too large in all", "431", get("x: "+strings.Repeat("y", 40_000), "z: "+strings.Repeat("y", 40_000))},
		{"too long a path", "414", []string{":method: GET", ":scheme: http", ":path: /" + strings.Repeat("x", 20_000), ":authority: a"}},
		{"largest head", "200", get("x: " + strings.Repeat("y", 64_000))},
		{"100 fields", "200", many[:100]},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := rawClient(t, h2.ServerOptions{}, echo)
			block := r.head(test.lines...)
			first := block[:min(len(block), 16384)]
			r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: first, EndStream: true, EndHeaders: len(first) == len(block)})
			for rest := block[len(first):]; len(rest) > 0; {
				n := min(len(rest), 16384)
				r.WriteContinuation(1, n == len(rest), rest[:n])
				rest = rest[n:]
			}
			if got := r.status(r.next(http2.FrameHeaders, 1)); got != test.status {
				t.Errorf("status %s, want %s", got, test.status)
			}
		})
	}
}

// TestBodiesThatBreakTheRulesAreReset: RFC 9113 sections 8.1 and 8.1.1.
func TestBodiesThatBreakTheRulesAreReset(t *testing.T) {
	for name, test := range map[string]struct {
		code h2.ErrorCode
		send func(*raw)
	}{
		"more than Content-Length": {h2.ProtocolError, func(r *raw) {
			r.headers(1, false, postHead("content-length: 2")...)
			r.WriteData(1, false, []byte("abc"))
		}},
		"less than Content-Length": {h2.ProtocolError, func(r *raw) {
			r.headers(1, false, postHead("content-length: 4")...)
			r.WriteData(1, true, []byte("abc"))
		}},
		"less than Content-Length, with trailers": {h2.ProtocolError, func(r *raw) {
			r.headers(1, false, postHead("content-length: 4")...)
			r.WriteData(1, false, []byte("abc"))
			r.headers(1, true, "x: y")
		}},
		"trailers without END_STREAM": {h2.ProtocolError, func(r *raw) {
			r.headers(1, false, postHead()...)
			r.headers(1, false, "x: y")
		}},
		"pseudo-header field in trailers": {h2.ProtocolError, func(r *raw) {
			r.headers(1, false, postHead()...)
			r.headers(1, true, ":path: /")
		}},
		"connection field in trailers": {h2.ProtocolError, func(r *raw) {
			r.headers(1, false, postHead()...)
			r.headers(1, true, "transfer-encoding: chunked")
		}},
		"LF in trailers": {h2.ProtocolError, func(r *raw) {
			r.headers(1, false, postHead()...)
			r.headers(1, true, "x: y\nz: a")
		}},
		"DATA after END_STREAM": {h2.StreamClosed, func(r *raw) {
			r.headers(1, true, get()...)
			r.WriteData(1, true, []byte("abc"))
		}},
		"trailers after END_STREAM": {h2.StreamClosed, func(r *raw) {
			r.headers(1, true, get()...)
			r.headers(1, true, "x: y")
		}},
		"WINDOW_UPDATE of 0": {h2.ProtocolError, func(r *raw) {
			r.headers(1, true, get()...)
			r.WriteWindowUpdate(1, 0)
		}},
		"WINDOW_UPDATE beyond 2^31-1": {h2.FlowControlError, func(r *raw) {
			r.headers(1, true, get()...)
			r.WriteWindowUpdate(1, 1<<31-1)
		}},
		"DATA beyond the stream's window": {h2.FlowControlError, func(r *raw) {
			r.headers(1, false, postHead()...)
			for range 5 { // 64 KB and one frame
				r.WriteData(1, false, make([]byte, 16384))
			}
		}},
		"depends on itself": {h2.ProtocolError, func(r *raw) {
			r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.head(get()...), EndStream: true, EndHeaders: true,
				Priority: http2.PriorityParam{StreamDep: 1}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			canceled := make(chan bool)
			r := rawClient(t, h2.ServerOptions{}, func(s *h2.Stream) {
				s.SetCancel(func() { close(canceled) })
				<-canceled
			})
			test.send(r)
			r.wantReset(1, test.code)
		})
	}
}

// TestBreachesEndTheConnection has what RFC 9113 sections 3 to 6 call connection errors, on a server.
func TestBreachesEndTheConnection(t *testing.T) {
	open := func(r *raw) { r.headers(1, false, postHead()...) }
	for name, test := range map[string]struct {
		code h2.ErrorCode
		send func(*raw)
	}{
		"PUSH_PROMISE from a client": {h2.ProtocolError, func(r *raw) {
			open(r)
			r.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: r.head(get()...), EndHeaders: true})
		}},
		"frame too large":                    {h2.FrameSizeError, func(r *raw) { r.WriteRawFrame(0x77, 0, 0, make([]byte, 16385)) }},
		"even stream":                        {h2.ProtocolError, func(r *raw) { r.headers(2, true, get()...) }},
		"stream 0":                           {h2.ProtocolError, func(r *raw) { r.headers(0, true, get()...) }},
		"stream passed over":                 {h2.ProtocolError, func(r *raw) { r.headers(5, true, get()...); r.headers(3, true, get()...) }},
		"DATA on an idle stream":             {h2.ProtocolError, func(r *raw) { r.WriteData(1, true, []byte("x")) }},
		"RST_STREAM on an idle stream":       {h2.ProtocolError, func(r *raw) { r.WriteRSTStream(1, http2.ErrCodeCancel) }},
		"WINDOW_UPDATE on an idle stream":    {h2.ProtocolError, func(r *raw) { r.WriteWindowUpdate(1, 1) }},
		"DATA without a stream":              {h2.ProtocolError, func(r *raw) { r.WriteData(0, true, []byte("x")) }},
		"connection WINDOW_UPDATE of 0":      {h2.ProtocolError, func(r *raw) { r.WriteWindowUpdate(0, 0) }},
		"connection window beyond 2^31-1":    {h2.FlowControlError, func(r *raw) { r.WriteWindowUpdate(0, 1<<31-1) }},
		"window size beyond 2^31-1":          {h2.FlowControlError, func(r *raw) { r.WriteSettings(http2.Setting{ID: 4, Val: 1 << 31}) }},
		"ENABLE_PUSH of 2":                   {h2.ProtocolError, func(r *raw) { r.WriteSettings(http2.Setting{ID: 2, Val: 2}) }},
		"MAX_FRAME_SIZE too small":           {h2.ProtocolError, func(r *raw) { r.WriteSettings(http2.Setting{ID: 5, Val: 16383}) }},
		"MAX_FRAME_SIZE too large":           {h2.ProtocolError, func(r *raw) { r.WriteSettings(http2.Setting{ID: 5, Val: 1 << 24}) }},
		"SETTINGS of odd length":             {h2.FrameSizeError, func(r *raw) { r.WriteRawFrame(http2.FrameSettings, 0, 0, make([]byte, 7)) }},
		"SETTINGS on a stream":               {h2.ProtocolError, func(r *raw) { r.WriteRawFrame(http2.FrameSettings, 0, 1, nil) }},
		"SETTINGS acknowledgment not empty":  {h2.FrameSizeError, func(r *raw) { r.WriteRawFrame(http2.FrameSettings, 1, 0, make([]byte, 6)) }},
		"PING of odd length":                 {h2.FrameSizeError, func(r *raw) { r.WriteRawFrame(http2.FramePing, 0, 0, make([]byte, 7)) }},
		"PING on a stream":                   {h2.ProtocolError, func(r *raw) { r.WriteRawFrame(http2.FramePing, 0, 1, make([]byte, 8)) }},
		"short GOAWAY":                       {h2.FrameSizeError, func(r *raw) { r.WriteRawFrame(http2.FrameGoAway, 0, 0, make([]byte, 7)) }},
		"GOAWAY on a stream":                 {h2.ProtocolError, func(r *raw) { r.WriteRawFrame(http2.FrameGoAway, 0, 1, make([]byte, 8)) }},
		"RST_STREAM of odd length":           {h2.FrameSizeError, func(r *raw) { open(r); r.WriteRawFrame(http2.FrameRSTStream, 0, 1, make([]byte, 3)) }},
		"WINDOW_UPDATE of odd length":        {h2.FrameSizeError, func(r *raw) { open(r); r.WriteRawFrame(http2.FrameWindowUpdate, 0, 1, make([]byte, 5)) }},
		"PRIORITY of odd length":             {h2.FrameSizeError, func(r *raw) { open(r); r.WriteRawFrame(http2.FramePriority, 0, 1, make([]byte, 4)) }},
		"PRIORITY without a stream":          {h2.ProtocolError, func(r *raw) { r.WriteRawFrame(http2.FramePriority, 0, 0, make([]byte, 5)) }},
		"PRIORITY that depends on itself":    {h2.ProtocolError, func(r *raw) { r.WritePriority(1, http2.PriorityParam{StreamDep: 1}) }},
		"CONTINUATION without HEADERS":       {h2.ProtocolError, func(r *raw) { open(r); r.WriteContinuation(1, true, nil) }},
		"padding longer than DATA":           {h2.ProtocolError, func(r *raw) { open(r); r.WriteRawFrame(http2.FrameData, 8, 1, []byte{3, 0, 0}) }},
		"padding longer than HEADERS":        {h2.ProtocolError, func(r *raw) { r.WriteRawFrame(http2.FrameHeaders, 12, 1, []byte{3, 0, 0}) }},
		"HEADERS too short for its priority": {h2.FrameSizeError, func(r *raw) { r.WriteRawFrame(http2.FrameHeaders, 0x24, 1, []byte{0, 0}) }},
		"head interrupted": {h2.ProtocolError, func(r *raw) {
			r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.head(get()...)})
			r.WritePing(false, [8]byte{})
		}},
		"head continued on another stream": {h2.ProtocolError, func(r *raw) {
			r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.head(get()...)})
			r.WriteContinuation(3, true, nil)
		}},
		"index beyond the table": {h2.CompressionError, func(r *raw) { r.WriteRawFrame(http2.FrameHeaders, 5, 1, []byte{0xff, 0x20}) }},
		"truncated head":         {h2.CompressionError, func(r *raw) { r.WriteRawFrame(http2.FrameHeaders, 5, 1, []byte{0x40, 5, 'a'}) }},
		"DATA after our peer's RST_STREAM": {h2.StreamClosed, func(r *raw) {
			open(r)
			r.WriteRSTStream(1, http2.ErrCodeCancel)
			r.WriteData(1, true, []byte("x"))
		}},
		"DATA beyond the connection's window": {h2.FlowControlError, func(r *raw) {
			for i := range 3 { // 3 × 64 KB are more than 128 KB, and there is nothing to lend
				r.headers(uint32(2*i+1), false, postHead()...)
				for range 4 {
					r.WriteData(uint32(2*i+1), false, make([]byte, 16384))
				}
			}
		}},
		"window overflow by SETTINGS": {h2.FlowControlError, func(r *raw) {
			open(r)
			r.WriteWindowUpdate(1, 1<<31-1-65535)
			r.WriteSettings(http2.Setting{ID: 4, Val: 65536})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rawClient(t, h2.ServerOptions{Memory: h2.NewMemory(0)}, func(s *h2.Stream) {
				gone := make(chan bool)
				s.SetCancel(func() { close(gone) })
				<-gone
			})
			test.send(r)
			r.wantGoAway(test.code)
		})
	}
}

func TestFirstFrameMustBeSettings(t *testing.T) {
	r, client := rawServerSilent(t)
	r.WritePing(false, [8]byte{})
	r.wantGoAway(h2.ProtocolError)
	<-client.Done()
}
