package compress

import (
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The levels, and what each encoder keeps in memory with them for a response of any length (docs/compression.md).
const (
	gzipLevel     = 5
	brotliQuality = 5
	brotliWindow  = 16        // bits: 64 KiB
	zstdWindow    = 256 << 10 // bytes; RFC 9659 lets clients count on at most 8 MiB
)

// Encoder compresses one response. It is not safe for concurrent use. Should a library fail, which no input makes it do, then nothing more
// comes, the end of the stream neither, so that no client takes what it got for the whole.
type Encoder struct {
	policy *Policy
	coding Coding
	stream stream
	out    appender
	held   bool // the stream has taken bytes since the last Flush
	failed bool
}

// stream is what the libraries' encoders have in common.
type stream interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// appender is where a stream writes to.
type appender struct{ dst []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.dst = append(a.dst, p...)
	return len(p), nil
}

func newEncoder(p *Policy, coding Coding) *Encoder {
	e := &Encoder{policy: p, coding: coding}
	switch coding { // the errors are of levels and windows that do not exist
	case Gzip:
		e.stream, _ = gzip.NewWriterLevel(nil, gzipLevel)
	case Brotli:
		e.stream = brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: brotliQuality, LGWin: brotliWindow})
	default:
		// One goroutine, the caller's; no checksum, since TCP and TLS have theirs.
		e.stream, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	}
	return e
}

func (e *Encoder) begin() {
	e.stream.Reset(&e.out)
	e.held, e.failed = false, false
}

// Write takes a piece of the body and appends what is ready of the compressed one, which may be nothing.
func (e *Encoder) Write(dst, data []byte) []byte {
	if len(data) == 0 || e.failed {
		return dst
	}
	e.held = true
	e.out.dst = dst
	_, err := e.stream.Write(data)
	return e.taken(err)
}

// Flush appends all that Write took and holds back, so that the client can read it now. Each time costs some 5 bytes, and what the encoder
// could have found in a longer piece.
func (e *Encoder) Flush(dst []byte) []byte {
	if !e.held || e.failed {
		return dst
	}
	e.held = false
	e.out.dst = dst
	return e.taken(e.stream.Flush())
}

// Close appends the end of the stream. The encoder must not be used afterwards.
func (e *Encoder) Close(dst []byte) []byte {
	if !e.failed {
		e.out.dst = dst
		dst = e.taken(e.stream.Close())
	}
	e.Discard()
	return dst
}

// Discard gives up a response that broke off. The encoder must not be used afterwards.
func (e *Encoder) Discard() { e.policy.take(e) }

// taken gives back the bytes, which are not the encoder's.
func (e *Encoder) taken(err error) []byte {
	e.failed = e.failed || err != nil
	dst := e.out.dst
	e.out.dst = nil
	return dst
}
