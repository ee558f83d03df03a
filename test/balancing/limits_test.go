package balancing

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A body that trickles is given up once 10 s were waited for it, and one that keeps the rate is not however long it takes.
func TestBodiesBelowTheLeastRateAreGivenUp(t *testing.T) {
	origin := telling(t, false)
	const common = "backends: [{address: 'ORIGIN'}], loadBalancing: {limits: {bodyRate: 1000}, listen: "
	c := configure(t, strings.ReplaceAll("services:\n  plain: {"+common+"LISTEN1}}\n  secure: {"+common+
		"LISTEN2, tls: {certificates: [{certificate: a.pem, key: a.key}]}}}\n", "ORIGIN", origin))
	var clients sync.WaitGroup
	for _, w := range wires {
		for _, test := range []struct {
			each, pieces, want int
		}{
			{50, 80, 408},  // 200 bytes/s, for 20 s
			{500, 52, 200}, // 2,000 bytes/s, for 13 s
		} {
			clients.Go(func() {
				client := w.client(t, c.listens[map[bool]int{true: 1}[w.secure]], "a.test")
				client.Timeout = 2 * patiently
				body, in := io.Pipe()
				stop := make(chan struct{})
				go func() {
					ticker := time.NewTicker(250 * time.Millisecond)
					defer ticker.Stop()
					for range test.pieces {
						select {
						case <-ticker.C:
						case <-stop:
						}
						if _, err := in.Write(make([]byte, test.each)); err != nil {
							return
						}
					}
					in.Close()
				}()
				began := time.Now()
				r, err := do(client, "POST", w.url("a.test", "/"), body)
				close(stop)
				body.Close()
				took := time.Since(began)
				if err != nil {
					t.Errorf("%v, %d bytes at a time: %v after %v", w, test.each, err, took)
					return
				}
				if r.StatusCode != test.want || took < 9*time.Second || test.want == 408 && took > 19*time.Second {
					t.Errorf("%v, %d bytes at a time: got %d after %v, want %d", w, test.each, r.StatusCode, took, test.want)
				}
			})
		}
	}
	clients.Wait()
}

// waiting is an origin that answers when it is released, and knows how many requests have waited at once.
type waiting struct {
	address   string
	release   chan struct{} // one for each answer
	mu        sync.Mutex    // guards what follows
	now, most int
}

func newWaiting(t *testing.T) *waiting {
	o := &waiting{release: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		o.mu.Lock()
		o.now++
		o.most = max(o.most, o.now)
		o.mu.Unlock()
		<-o.release
		o.mu.Lock()
		o.now--
		o.mu.Unlock()
	}))
	t.Cleanup(server.Close)
	o.address = server.Listener.Addr().String()
	return o
}

// Clients of HTTP/2 learn how many requests a connection takes at once. What is beyond is refused, which says that it may be sent again, and
// there is a place when one of the others has its answer. By HTTP/1.1 a connection has one request at a time anyway: others wait on it.
func TestConnectionTakesNoMoreStreamsThanConfigured(t *testing.T) {
	o := newWaiting(t)
	c := configure(t, "services: {s: {backends: [{address: '"+o.address+"'}], loadBalancing: {listen: LISTEN1, limits: {streamsPerConnection: 3}}}}\n")
	conn, err := net.Dial("tcp", c.listens[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patiently))
	io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	framer.WriteSettings()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	ask := func(stream uint32) {
		block.Reset()
		for _, field := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a.test"}} {
			encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
		}
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	}
	// next is the next frame that is of one of these kinds.
	next := func(kinds ...http2.FrameType) http2.Frame {
		t.Helper()
		for {
			f, err := framer.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(kinds, f.Header().Type) {
				return f
			}
		}
	}
	if most, told := next(http2.FrameSettings).(*http2.SettingsFrame).Value(http2.SettingMaxConcurrentStreams); !told || most != 3 {
		t.Errorf("SETTINGS_MAX_CONCURRENT_STREAMS is %d, want 3", most)
	}
	for stream := uint32(1); stream <= 7; stream += 2 {
		ask(stream)
	}
	if f, ok := next(http2.FrameRSTStream, http2.FrameHeaders).(*http2.RSTStreamFrame); !ok || f.StreamID != 7 || f.ErrCode != http2.ErrCodeRefusedStream {
		t.Fatalf("got %v, want the fourth refused", f)
	}
	c.Eventually(patiently, "the first three wait at the backend", func() error {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.now != 3 {
			return fmt.Errorf("%d do", o.now)
		}
		return nil
	})
	o.release <- struct{}{}
	if f := next(http2.FrameRSTStream, http2.FrameHeaders); f.Header().Type != http2.FrameHeaders {
		t.Fatalf("got %v, want an answer", f)
	}
	ask(9)
	for range 3 {
		o.release <- struct{}{}
		if f := next(http2.FrameRSTStream, http2.FrameHeaders); f.Header().Type != http2.FrameHeaders {
			t.Fatalf("got %v, want an answer", f)
		}
	}
	pipelined, err := dial(c.listens[0])
	if err != nil {
		t.Fatal(err)
	}
	defer pipelined.Close()
	io.WriteString(pipelined, strings.Repeat("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 5))
	for range 5 {
		o.release <- struct{}{}
		if r, err := pipelined.response("GET"); err != nil || r.status != 200 {
			t.Fatalf("got %+v, %v", r, err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if most := o.most; most != 3 {
		t.Errorf("%d requests were at the backend at once, want 3", most)
	}
}

// Whatever a connection would speak; and places come back.
func TestConnectionsBeyondMaxConnectionsAreTurnedAway(t *testing.T) {
	origin := telling(t, false)
	c := configure(t, "services: {s: {backends: [{address: '"+origin+"'}], loadBalancing: {listen: LISTEN1, maxConnections: 2}}}\n")
	for _, w := range []wire{{}, {http2: true}} {
		c.Eventually(patiently, "there is a place", func() error { return serves(c.listens[0]) })
		first, second := w.client(t, c.listens[0], ""), w.client(t, c.listens[0], "")
		for _, client := range []*http.Client{first, second} {
			// The connection of whoever was here before ends an instant after its last answer.
			c.Eventually(patiently, "it is served", func() error {
				r, err := do(client, "GET", "http://a.test/", nil)
				if err == nil && r.StatusCode != 200 {
					err = fmt.Errorf("%s", r.Status)
				}
				return err
			})
		}
		third, err := dial(c.listens[0])
		if err != nil {
			t.Fatal(err)
		}
		if r, err := third.response("GET"); err != nil || r.status != 503 || !r.closes || !strings.Contains(r.body, "maxConnections") {
			t.Errorf("%v: got %+v, %v, want 503 and the end", w, r, err)
		}
		if err := third.closed(); err != nil {
			t.Error(err)
		}
		for _, client := range []*http.Client{first, second} {
			if r, err := do(client, "GET", "http://a.test/", nil); err != nil || r.StatusCode != 200 {
				t.Errorf("%v: one of the first: %v, %v", w, r.Response, err)
			}
			client.CloseIdleConnections()
		}
	}
}
