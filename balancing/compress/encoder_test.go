package compress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"headroom.dev/headroom"
)

var codings = []Coding{Gzip, Brotli, Zstd}

func enabled() *Policy { return New(headroom.Compression{Enabled: true}) }

// decoder is how a client reads a coding.
func decoder(t testing.TB, coding Coding, r io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case Gzip:
		d, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return d
	case Brotli:
		return brotli.NewReader(r)
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20)) // RFC 9659
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// records is text such as services answer with.
func records(size int) []byte {
	var text []byte
	for i := 0; len(text) < size; i++ {
		text = fmt.Appendf(text, `{"id":%d,"name":"item-%d","price":%d.%02d,"tags":["a%d","b%d"],"active":%t},`, i, i*7919%10007, i*31%997, i%100, i%13, i%29, i%3 == 0)
	}
	return text[:size]
}

func TestWhatIsCompressedInPiecesIsReadWhole(t *testing.T) {
	noise := make([]byte, 100_000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for _, coding := range codings {
		p := enabled()
		for name, body := range map[string][]byte{"empty": nil, "one byte": {'a'}, "text": records(200_000), "noise": noise, "zeros": make([]byte, 100_000)} {
			for _, piece := range []int{4 << 10, 1 << 20} {
				for _, flushed := range []bool{false, true} {
					e := p.Encoder(coding)
					sent := []byte("head")
					for rest := body; len(rest) > 0; {
						n := min(piece, len(rest))
						sent = e.Write(sent, rest[:n])
						if rest = rest[n:]; flushed {
							sent = e.Flush(sent)
						}
					}
					sent = e.Close(sent)
					got, err := io.ReadAll(decoder(t, coding, bytes.NewReader(sent[len("head"):])))
					if err != nil || !bytes.Equal(got, body) {
						t.Fatalf("%s, %s in pieces of %d, flushed %t: %d bytes of %d came, %v", coding, name, piece, flushed, len(got), len(body), err)
					}
					if name == "text" && !flushed && len(sent) > len(body)/3 {
						t.Errorf("%s made %d bytes of %d", coding, len(sent), len(body))
					}
				}
			}
		}
	}
}

// A client must be able to read an event when it is flushed, not when the next one comes.
func TestWhatIsFlushedCanBeReadAtOnce(t *testing.T) {
	for _, coding := range codings {
		e := enabled().Encoder(coding)
		r, w := io.Pipe()
		go func() {
			var sent []byte
			for i := range 50 {
				sent = e.Flush(e.Write(sent[:0], fmt.Appendf(nil, "data: %d\n\n", i)))
				if len(e.Flush(nil)) > 0 {
					w.CloseWithError(errors.New("flushing nothing costs bytes"))
				}
				w.Write(sent) // returns when all of it was read
			}
			// The stream stays open: nothing more comes.
		}()
		in := decoder(t, coding, r)
		for i := range 50 {
			want := fmt.Sprintf("data: %d\n\n", i)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(in, got); err != nil || string(got) != want {
				t.Fatalf("%s: event %d is %q, %v", coding, i, got, err)
			}
		}
		r.Close()
	}
}

func TestEncodersAreUsedAgain(t *testing.T) {
	for _, coding := range codings {
		p := enabled()
		for i := range 20 {
			e := p.Encoder(coding)
			body := records(1000 * i)
			sent := e.Write(nil, body)
			if i%3 == 1 {
				e.Discard() // the backend broke off
				continue
			}
			sent = e.Close(sent)
			if got, err := io.ReadAll(decoder(t, coding, bytes.NewReader(sent))); err != nil || !bytes.Equal(got, body) {
				t.Fatalf("%s: response %d: %v", coding, i, err)
			}
		}
		if n := p.working.Load(); n != 0 {
			t.Errorf("%s: %d encoders are thought to be at work", coding, n)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	p := enabled()
	var wait sync.WaitGroup
	for i := range 60 {
		wait.Go(func() {
			coding := codings[i%len(codings)]
			body := records(10_000 + i)
			e := p.Encoder(coding)
			sent := e.Close(e.Write(nil, body))
			if got, err := io.ReadAll(decoder(t, coding, bytes.NewReader(sent))); err != nil || !bytes.Equal(got, body) {
				t.Errorf("%s: response %d: %v", coding, i, err)
			}
		})
	}
	wait.Wait()
}

func TestBeyondTheLimitResponsesAreSentPlain(t *testing.T) {
	p := enabled()
	var working []*Encoder
	for range maxEncoders {
		working = append(working, p.Encoder(Gzip))
	}
	if got, varies := p.Choose([]byte("gzip"), page()); got != Identity || !varies {
		t.Errorf("got %s, varies is %t", got, varies)
	}
	working[0].Discard()
	if got, _ := p.Choose([]byte("gzip"), page()); got != Gzip {
		t.Errorf("when an encoder came free got %s", got)
	}
}

// The figure of maxEncoders and of the page.
func TestAnEncoderKeepsAtMost2200KB(t *testing.T) {
	body := records(1 << 20)
	for _, coding := range codings {
		p := enabled()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		const many = 2
		var working [many]*Encoder
		room := make([]byte, 0, 4<<20)
		for i := range working {
			working[i] = p.Encoder(coding)
			room = room[:0]
			for rest := body; len(rest) > 0; rest = rest[16<<10:] {
				room = working[i].Write(room[:0], rest[:16<<10])
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		each := (int64(after.HeapAlloc) - int64(before.HeapAlloc) - 4<<20) / many
		t.Logf("%s: %d KB each", coding, each>>10)
		if each > 2200<<10 {
			t.Errorf("an encoder of %s keeps %d bytes", coding, each)
		}
		runtime.KeepAlive(working)
		runtime.KeepAlive(room)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("hello hello hello"), uint16(3), uint16(2), uint8(0))
	f.Add(records(5000), uint16(700), uint16(1), uint8(1))
	f.Add(records(100_000), uint16(9000), uint16(3), uint8(2))
	p := enabled()
	f.Fuzz(func(t *testing.T, body []byte, piece, flushEach uint16, kind uint8) {
		coding := codings[int(kind)%len(codings)]
		e := p.Encoder(coding)
		var sent []byte
		pieces := 0
		for rest := body; len(rest) > 0; pieces++ {
			n := min(int(piece)+1, len(rest))
			sent = e.Write(sent, rest[:n])
			rest = rest[n:]
			if flushEach > 0 && pieces%int(flushEach) == 0 {
				sent = e.Flush(sent)
			}
		}
		sent = e.Close(sent)
		got, err := io.ReadAll(decoder(t, coding, bytes.NewReader(sent)))
		if err != nil || !bytes.Equal(got, body) {
			t.Fatalf("%s: %d bytes of %d came, %v", coding, len(got), len(body), err)
		}
	})
}

// BenchmarkEncode is what docs/compression.md quotes: responses of 16 KB and 256 KB in pieces of 16 KB.
func BenchmarkEncode(b *testing.B) {
	for _, coding := range codings {
		for _, size := range []int{16 << 10, 256 << 10} {
			b.Run(fmt.Sprintf("%s/%dKB", coding, size>>10), func(b *testing.B) {
				p, body := enabled(), records(size)
				dst := make([]byte, 0, size)
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					e := p.Encoder(coding)
					dst = dst[:0]
					for rest := body; len(rest) > 0; rest = rest[16<<10:] {
						dst = e.Write(dst, rest[:16<<10])
					}
					dst = e.Close(dst)
				}
				b.ReportMetric(float64(size)/float64(len(dst)), "ratio")
			})
		}
	}
}
