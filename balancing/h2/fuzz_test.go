package h2_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/h2"
)

// script is a connection that plays bytes and then ends; what is written to it is only counted.
type script struct {
	mu      sync.Mutex
	input   *bytes.Reader
	step    int // bytes a read
	written int
	closed  bool
}

func (s *script) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	return s.input.Read(p[:min(len(p), s.step)])
}

func (s *script) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	s.written += len(p)
	return len(p), nil
}

func (s *script) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// record writes frames down.
func record(send func(r *raw)) []byte {
	var out bytes.Buffer
	r := &raw{Framer: http2.NewFramer(&out, nil)}
	r.AllowIllegalWrites = true
	r.hpack = hpack.NewEncoder(&r.block)
	r.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100})
	send(r)
	return out.Bytes()
}

// FuzzServer plays any bytes to a Server: it must end, with all handlers, and a head that parses must be one request and no more.
func FuzzServer(f *testing.F) {
	f.Add(record(func(r *raw) { r.headers(1, true, get()...) }), 1000)
	f.Add(record(func(r *raw) {
		r.headers(1, false, postHead("content-length: 5", "cookie: a", "cookie: b")...)
		r.WriteDataPadded(1, false, []byte("hello"), []byte{0, 0})
		r.headers(1, true, "x: y")
		r.WritePing(false, [8]byte{})
	}), 7)
	f.Add(record(func(r *raw) {
		r.headers(1, false, postHead()...)
		r.WriteData(1, false, []byte("hello"))
		r.WriteRSTStream(1, http2.ErrCodeCancel)
		r.WriteWindowUpdate(0, 5)
		r.WritePriority(3, http2.PriorityParam{StreamDep: 1})
		r.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: r.head(get()...)})
		r.WriteContinuation(3, true, r.head("te: trailers"))
		r.WriteGoAway(0, http2.ErrCodeNo, []byte("bye"))
	}), 100)
	f.Fuzz(func(t *testing.T, input []byte, step int) {
		netConn := &script{input: bytes.NewReader(input), step: 1 + step&0xffff}
		server := h2.NewServer(netConn, h2.ServerOptions{Early: []byte(http2.ClientPreface)})
		ended := make(chan bool)
		go func() {
			defer close(ended)
			server.Serve(func(s *h2.Stream) { checkHead(t, s.Head()); echo(s) })
		}()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("Serve does not end")
		}
	})
}

// checkHead: what the parser takes is the whole head.
func checkHead(t *testing.T, head []byte) {
	var request h1.Request
	request.Reset()
	n, err := request.Parse(head, h1.Limits{})
	if err == nil && n != len(head) {
		t.Errorf("%q is more than one head", head)
	}
	if bytes.IndexByte(head, 0) >= 0 || bytes.Count(head, []byte("\r")) != bytes.Count(head, []byte("\r\n")) ||
		bytes.Count(head, []byte("\n")) != bytes.Count(head, []byte("\r\n")) {
		t.Errorf("%q has a NUL or a bare CR or LF", head)
	}
}

// FuzzClient plays any bytes to a Client with two open streams: it must end, and so must they.
func FuzzClient(f *testing.F) {
	f.Add(record(func(r *raw) {
		r.headers(1, false, ":status: 103", "link: </a>")
		r.headers(1, false, ":status: 200", "content-length: 5")
		r.WriteData(1, true, []byte("hello"))
		r.headers(3, false, ":status: 200")
		r.WriteDataPadded(3, false, []byte("hello"), []byte{0})
		r.headers(3, true, "grpc-status: 0")
	}), 1000)
	f.Add(record(func(r *raw) {
		r.WriteGoAway(1, http2.ErrCodeNo, nil)
		r.WriteRSTStream(1, http2.ErrCodeRefusedStream)
		r.WriteWindowUpdate(3, 1000)
	}), 3)
	f.Fuzz(func(t *testing.T, input []byte, step int) {
		client, err := h2.NewClient(&script{input: bytes.NewReader(input), step: 1 + step&0xffff}, h2.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		for range 2 {
			running.Go(func() { fuzzExchange(t, client) })
		}
		ended := make(chan bool)
		go func() { running.Wait(); <-client.Done(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the client or a stream does not end")
		}
	})
}

func fuzzExchange(t *testing.T, client *h2.Client) {
	s, err := client.Open()
	if err != nil {
		return
	}
	defer s.Close()
	if s.WriteHead([]byte("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), false) != nil {
		return
	}
	if s.Write(make([]byte, 70_000), true) != nil {
		return
	}
	for {
		head, err := s.ReadHead()
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
		var response h1.Response
		response.Reset(false)
		if n, err := response.Parse(head, h1.Limits{}); err == nil && n != len(head) {
			t.Errorf("%q is more than one head", head)
		}
	}
	readAll(s)
}
