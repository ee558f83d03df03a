package h2_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/net/http2"
	"headroom.dev/headroom/balancing/h2"
)

// writeAll answers with a head and n bytes.
func writeAll(n int) func(*h2.Stream) {
	body := pattern(n)
	return func(s *h2.Stream) {
		s.WriteHead([]byte("HTTP/1.1 200 OK\r\n\r\n"), false)
		s.Write(body, true)
	}
}

// data reads DATA of a stream until n bytes have come.
func (r *raw) data(stream uint32, n int) []byte {
	r.t.Helper()
	var got []byte
	for len(got) < n {
		got = append(got, r.next(http2.FrameData, stream).payload...)
	}
	return got
}

// TestSendingKeepsToTheWindows: RFC 9113 section 5.2.
func TestSendingKeepsToTheWindows(t *testing.T) {
	t.Run("of the connection and of the stream", func(t *testing.T) {
		r := rawClient(t, h2.ServerOptions{}, writeAll(200_000))
		r.headers(1, true, get()...)
		if got := r.data(1, 65535); len(got) != 65535 {
			t.Fatalf("%d bytes came, want 65535", len(got))
		}
		r.WriteWindowUpdate(1, 10)
		r.ping()
		r.WriteWindowUpdate(0, 15)
		if got := r.data(1, 10); len(got) != 10 {
			t.Fatalf("%d bytes came, want the stream's 10", len(got))
		}
		r.WriteWindowUpdate(1, 200_000)
		if got := r.data(1, 5); len(got) != 5 {
			t.Fatalf("%d bytes came, want the connection's 5", len(got))
		}
		r.WriteWindowUpdate(0, 200_000)
		r.data(1, 200_000-65535-15)
	})
	t.Run("that SETTINGS make negative", func(t *testing.T) {
		r := rawClient(t, h2.ServerOptions{}, writeAll(70_000))
		r.headers(1, true, get()...)
		r.data(1, 65535)
		r.WriteWindowUpdate(0, 70_000)
		r.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 535}) // the stream's window is now −65000
		r.WriteWindowUpdate(1, 65_000)                                               // 0
		r.ping()
		r.WriteWindowUpdate(1, 1)
		if got := r.data(1, 1); len(got) != 1 {
			t.Fatalf("%d bytes came, want 1", len(got))
		}
		r.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 537})
		if got := r.data(1, 2); len(got) != 2 {
			t.Fatalf("%d bytes came, want 2", len(got))
		}
	})
	t.Run("of one stream, while another goes on", func(t *testing.T) {
		r := rawClient(t, h2.ServerOptions{}, writeAll(100_000))
		r.WriteWindowUpdate(0, 1<<20)
		r.headers(1, true, get()...)
		r.data(1, 65535)
		r.headers(3, true, get()...)
		r.WriteWindowUpdate(3, 100_000)
		if !bytes.Equal(r.data(3, 100_000), pattern(100_000)) {
			t.Error("the other stream's body differs")
		}
	})
	t.Run("fairly", func(t *testing.T) {
		// Both streams have more to send than the connection's window, which opens a frame at a time. They take turns by frames, not
		// bytes, and frames differ in length, so that they need not get the same; but none waits for the other's end.
		r := rawClient(t, h2.ServerOptions{}, writeAll(1<<20))
		r.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
		r.headers(1, true, get()...)
		r.headers(3, true, get()...)
		count := map[uint32]int{}
		for total := 0; total < 1<<20; {
			f := <-r.frames
			if f.kind == http2.FrameData {
				count[f.stream] += len(f.payload)
				total += len(f.payload)
				r.WriteWindowUpdate(0, uint32(len(f.payload)))
			}
		}
		if a, b := count[1], count[3]; min(a, b) < 100_000 {
			t.Errorf("one stream sent %d bytes and the other %d", a, b)
		}
	})
}

// TestReaderThatStopsHoldsTheSenderBack and only its stream: what is not read is bounded by the window.
func TestReaderThatStopsHoldsTheSenderBack(t *testing.T) {
	read := make(chan bool)
	finished := make(chan int, 1)
	r := rawClient(t, h2.ServerOptions{}, func(s *h2.Stream) {
		if bytes.HasPrefix(s.Head(), []byte("GET")) {
			echo(s)
			return
		}
		<-read
		body, err := readAll(s)
		if err != nil {
			t.Error(err)
		}
		finished <- len(body)
		s.WriteHead([]byte("HTTP/1.1 200 OK\r\n\r\n"), true)
	})
	r.headers(1, false, postHead()...)
	for range 4 { // the 64 KB of the first window
		r.WriteData(1, false, make([]byte, 16384))
	}
	r.headers(3, true, get()...)
	r.next(http2.FrameData, 3)
	r.ping()
	close(read)
	// Half of it read gives the other half back, and the window doubles for a reader who keeps pace.
	if increment := binary.BigEndian.Uint32(r.next(http2.FrameWindowUpdate, 1).payload); increment < 32<<10 {
		t.Errorf("WINDOW_UPDATE of %d, want at least half of the window", increment)
	}
	r.WriteData(1, true, nil)
	if got := <-finished; got != 64<<10 {
		t.Errorf("the handler read %d bytes, want %d", got, 64<<10)
	}
}

// TestStreamsThatStandStillDoNotStopOthers: one, whatever happens; and more of them as long as there is memory.
func TestStreamsThatStandStillDoNotStopOthers(t *testing.T) {
	for _, test := range []struct {
		still  int
		memory int64
	}{{1, 0}, {20, 256 << 20}} {
		stop := make(chan struct{})
		r := rawClient(t, h2.ServerOptions{Memory: h2.NewMemory(test.memory)}, func(s *h2.Stream) {
			if bytes.HasPrefix(s.Head(), []byte("POST")) {
				<-stop
				return
			}
			body, err := readAll(s)
			if err != nil || len(body) != 256<<10 {
				t.Errorf("%d bytes, %v", len(body), err)
			}
			s.WriteHead([]byte("HTTP/1.1 200 OK\r\n\r\n"), true)
		})
		left := map[uint32]int{0: 65535}
		send := func(stream uint32, end bool) {
			for left[0] < 16384 || left[stream] < 16384 {
				f, open := <-r.frames
				if !open {
					t.Fatal("the connection has ended")
				}
				if f.kind == http2.FrameWindowUpdate {
					left[f.stream] += int(binary.BigEndian.Uint32(f.payload))
				}
			}
			r.WriteData(stream, end, make([]byte, 16384))
			left[0] -= 16384
			left[stream] -= 16384
		}
		id := uint32(1)
		for range test.still {
			r.headers(id, false, postHead()...)
			left[id] = 64 << 10
			for range 4 {
				send(id, false)
			}
			id += 2
		}
		r.headers(id, false, ":method: PUT", ":scheme: http", ":path: /", ":authority: a")
		left[id] = 64 << 10
		for i := range 16 {
			send(id, i == 15)
		}
		r.next(http2.FrameHeaders, id)
		close(stop)
	}
}

// TestUnreadBodiesGiveTheConnectionsWindowBack: bodies that handlers do not read must not use the connection up.
func TestUnreadBodiesGiveTheConnectionsWindowBack(t *testing.T) {
	r := rawClient(t, h2.ServerOptions{}, func(s *h2.Stream) {
		s.WriteHead([]byte("HTTP/1.1 413 \r\ncontent-length: 0\r\n\r\n"), true)
	})
	left := 65535
	for i := range uint32(200) { // 200 × 32 KB are fifty times the first window
		r.headers(2*i+1, false, postHead()...)
		for range 2 {
			for left < 16384 {
				left += int(binary.BigEndian.Uint32(r.next(http2.FrameWindowUpdate, 0).payload))
			}
			r.WriteData(2*i+1, false, make([]byte, 16384))
			left -= 16384
		}
	}
	r.ping()
}

// TestEarlyAnswerAsksTheClientToStop: RFC 9113 section 8.1.
func TestEarlyAnswerAsksTheClientToStop(t *testing.T) {
	r := rawClient(t, h2.ServerOptions{}, func(s *h2.Stream) {
		s.WriteHead([]byte("HTTP/1.1 413 \r\ncontent-length: 0\r\n\r\n"), true)
	})
	r.headers(1, false, postHead()...)
	r.next(http2.FrameHeaders, 1)
	r.wantReset(1, h2.NoError)
	for range 20 {
		r.WriteData(1, false, make([]byte, 16384)) // was under way
	}
	r.headers(1, true, "x: y")
	r.ping()
}

func TestHandlerThatDoesNotAnswerResetsTheStream(t *testing.T) {
	r := rawClient(t, h2.ServerOptions{}, func(s *h2.Stream) {})
	r.headers(1, true, get()...)
	r.wantReset(1, h2.InternalError)
}
