package h2_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"headroom.dev/headroom/balancing/h2"
)

// TestFloodsEndTheConnection has one case for each of the named attacks, with ten times what the limits allow.
func TestFloodsEndTheConnection(t *testing.T) {
	for name, attack := range map[string]func(r *raw){
		"rapid reset (CVE-2023-44487)": func(r *raw) {
			for i := range uint32(2000) {
				r.headers(2*i+1, true, get()...)
				r.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
			}
		},
		"MadeYouReset by WINDOW_UPDATE of 0 (CVE-2025-8671)": func(r *raw) {
			for i := range uint32(2000) {
				r.headers(2*i+1, false, postHead()...)
				r.WriteWindowUpdate(2*i+1, 0)
			}
		},
		"MadeYouReset by window overflow (CVE-2025-8671)": func(r *raw) {
			for i := range uint32(2000) {
				r.headers(2*i+1, false, postHead()...)
				r.WriteWindowUpdate(2*i+1, 1<<31-1)
			}
		},
		"MadeYouReset by malformed heads (CVE-2025-8671)": func(r *raw) {
			for i := range uint32(2000) {
				r.headers(2*i+1, false, get("connection: close")...)
			}
		},
		"more streams than allowed": func(r *raw) {
			for i := range uint32(2000) {
				r.headers(2*i+1, true, get()...)
			}
		},
		"CONTINUATION flood (CVE-2023-45288)": func(r *raw) {
			r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.head(get()...)})
			for range 80 {
				r.WriteContinuation(1, false, r.head("x: "+strings.Repeat("y", 1000)))
			}
		},
		"empty CONTINUATION flood": func(r *raw) {
			r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.head(get()...)})
			for range 80 {
				r.WriteContinuation(1, false, nil)
			}
		},
		"ping flood (CVE-2019-9512)": func(r *raw) {
			for range 10_000 {
				r.WritePing(false, [8]byte{})
			}
		},
		"ping acknowledgment flood": func(r *raw) {
			for range 10_000 {
				r.WritePing(true, [8]byte{})
			}
		},
		"priority flood (CVE-2019-9513)": func(r *raw) {
			for range 10_000 {
				r.WritePriority(1, http2.PriorityParam{StreamDep: 3})
			}
		},
		"settings flood (CVE-2019-9515)": func(r *raw) {
			for range 1000 {
				r.WriteSettings()
			}
		},
		"settings acknowledgment flood": func(r *raw) {
			for range 10_000 {
				r.WriteSettingsAck()
			}
		},
		"empty DATA flood (CVE-2019-9518)": func(r *raw) {
			r.headers(1, false, postHead()...)
			for range 10_000 {
				r.WriteData(1, false, nil)
			}
		},
		"padded empty DATA flood": func(r *raw) {
			r.headers(1, false, postHead()...)
			for range 10_000 {
				r.WriteDataPadded(1, false, nil, []byte{0, 0, 0})
			}
		},
		"WINDOW_UPDATE flood": func(r *raw) {
			for range 10_000 {
				r.WriteWindowUpdate(0, 1)
			}
		},
		"unknown frames flood": func(r *raw) {
			for range 10_000 {
				r.WriteRawFrame(0x77, 0, 0, nil)
			}
		},
		"GOAWAY flood": func(r *raw) {
			for range 10_000 {
				r.WriteGoAway(0, http2.ErrCodeNo, nil)
			}
		},
		"RST_STREAM flood on a closed stream": func(r *raw) {
			r.headers(1, true, get()...)
			for range 10_000 {
				r.WriteRSTStream(1, http2.ErrCodeCancel)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var running, most atomic.Int64
			r := rawClient(t, h2.ServerOptions{}, func(s *h2.Stream) {
				n := running.Add(1)
				defer running.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				gone := make(chan bool)
				s.SetCancel(func() { close(gone) })
				<-gone
			})
			attack(r)
			r.wantGoAway(h2.EnhanceYourCalm)
			if most.Load() > 128 {
				t.Errorf("%d handlers ran at once, want at most 128", most.Load())
			}
		})
	}
}

// TestClientsThatMeanWellAreNotTakenForFloods: much of the same, but with use.
func TestClientsThatMeanWellAreNotTakenForFloods(t *testing.T) {
	for name, use := range map[string]func(r *raw){
		"5000 requests with two WINDOW_UPDATE and a PING each": func(r *raw) {
			for i := range uint32(5000) {
				r.headers(2*i+1, true, get()...)
				r.WriteWindowUpdate(0, 16)
				r.WriteWindowUpdate(2*i+1, 16)
				r.WritePing(false, [8]byte{})
				r.next(http2.FrameData, 2*i+1)
			}
		},
		"every second of 2000 requests is canceled": func(r *raw) {
			for i := range uint32(2000) {
				if i%2 == 0 {
					r.headers(2*i+1, false, postHead()...)
					r.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
					continue
				}
				r.headers(2*i+1, true, get()...)
				r.next(http2.FrameData, 2*i+1)
			}
		},
		"150 requests at once are canceled": func(r *raw) {
			for i := range uint32(150) {
				r.headers(2*i+1, false, postHead()...)
				r.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
				if i%50 == 0 {
					r.ping()
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rawClient(t, h2.ServerOptions{}, echo)
			use(r)
			r.headers(100_001, true, get()...)
			r.next(http2.FrameHeaders, 100_001)
		})
	}
}

// TestPeerThatAsksAndDoesNotReadIsCutOff (CVE-2019-9512, -9515): answers to control frames must not gather without end. The pings come
// together with requests, so that they are within what is allowed.
func TestPeerThatAsksAndDoesNotReadIsCutOff(t *testing.T) {
	near, far := net.Pipe() // has no buffer: nothing can be written while nobody reads
	server := h2.NewServer(far, h2.ServerOptions{})
	ended := make(chan error)
	go func() {
		ended <- server.Serve(func(s *h2.Stream) { s.Reset(h2.Cancel) })
	}()
	go io.CopyN(io.Discard, near, 9) // the first header only
	r := newRaw(t, near)
	io.WriteString(near, http2.ClientPreface)
	r.WriteSettings()
	var batch bytes.Buffer
	r.Framer = http2.NewFramer(&batch, nil)
	for i := range uint32(10_000_000) {
		batch.Reset()
		r.headers(2*i+1, true, get()...)
		for range 10 {
			r.WritePing(false, [8]byte{})
		}
		if _, err := near.Write(batch.Bytes()); err != nil {
			break
		}
	}
	near.Close()
	if err := <-ended; err == nil {
		t.Error("Serve returned nil")
	}
}

// TestHeaderBombIsCutShort: one field of 4 KB in the table, then named by one byte again and again, would be 64 MB a frame.
func TestHeaderBombIsCutShort(t *testing.T) {
	var largest atomic.Int64
	r := rawClient(t, h2.ServerOptions{}, func(s *h2.Stream) {
		largest.Store(max(largest.Load(), int64(len(s.Head()))))
		echo(s)
	})
	block := append(r.head(append(get(), "bomb: "+strings.Repeat("x", 4000))...), bytes.Repeat([]byte{0x80 | 62}, 8000)...)
	for i := range uint32(50) {
		r.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: block, EndStream: true, EndHeaders: true})
		r.next(http2.FrameHeaders, 2*i+1)
	}
	if largest.Load() > 65<<10 {
		t.Errorf("a head of %d bytes was made, want at most 64 KB", largest.Load())
	}
}

// TestRefusedStreamIsSaidToBe: what was not looked at may be sent again.
func TestStreamsBeyondTheLimitAreRefused(t *testing.T) {
	release := make(chan bool)
	r := rawClient(t, h2.ServerOptions{MaxStreams: 2}, func(s *h2.Stream) { <-release; echo(s) })
	for i := range uint32(3) {
		r.headers(2*i+1, true, get()...)
	}
	r.wantReset(5, h2.RefusedStream)
	close(release)
	seenBoth := 0
	for f := range r.frames {
		if f.kind == http2.FrameData {
			seenBoth++
		}
		if seenBoth == 2 {
			break
		}
	}
	r.headers(7, true, get()...)
	r.next(http2.FrameHeaders, 7)
}

// TestCanceledStreamCountsUntilItsHandlerReturns: resetting must not be a way to have more at work than allowed.
func TestCanceledStreamCountsUntilItsHandlerReturns(t *testing.T) {
	release := make(chan bool)
	r := rawClient(t, h2.ServerOptions{MaxStreams: 2}, func(s *h2.Stream) { <-release; echo(s) })
	for i := range uint32(2) {
		r.headers(2*i+1, true, get()...)
	}
	r.ping()
	r.WriteRSTStream(1, http2.ErrCodeCancel)
	r.WriteRSTStream(3, http2.ErrCodeCancel)
	r.headers(5, true, get()...)
	r.wantReset(5, h2.RefusedStream)
	close(release)
}

// lastStream is what a GOAWAY says it has looked at.
func lastStream(f seen) uint32 { return binary.BigEndian.Uint32(f.payload) }
