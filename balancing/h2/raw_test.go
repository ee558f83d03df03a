package h2_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"headroom.dev/headroom/balancing/h2"
)

// raw is a peer that speaks in frames, by another implementation of them, so that it can break every rule.
type raw struct {
	*http2.Framer
	t      testing.TB
	conn   net.Conn
	frames chan seen // what came; closed at the end of the connection
	block  bytes.Buffer
	hpack  *hpack.Encoder
}

// seen is a frame that came.
type seen struct {
	kind    http2.FrameType
	flags   http2.Flags
	stream  uint32
	payload []byte
}

func newRaw(t testing.TB, conn net.Conn) *raw {
	r := &raw{Framer: http2.NewFramer(conn, nil), t: t, conn: conn, frames: make(chan seen, 1<<16)}
	r.AllowIllegalWrites = true
	r.hpack = hpack.NewEncoder(&r.block)
	return r
}

// read collects frames until the connection ends.
func (r *raw) read() {
	defer close(r.frames)
	framer := http2.NewFramer(nil, r.conn)
	framer.AllowIllegalReads = true
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return
		}
		h := f.Header()
		r.frames <- seen{h.Type, h.Flags, h.StreamID, payloadOf(f)}
	}
}

func payloadOf(f http2.Frame) []byte {
	switch f := f.(type) {
	case *http2.DataFrame:
		return append([]byte(nil), f.Data()...)
	case *http2.HeadersFrame:
		return append([]byte(nil), f.HeaderBlockFragment()...)
	case *http2.RSTStreamFrame:
		return binary.BigEndian.AppendUint32(nil, uint32(f.ErrCode))
	case *http2.GoAwayFrame:
		b := binary.BigEndian.AppendUint32(nil, f.LastStreamID)
		return append(binary.BigEndian.AppendUint32(b, uint32(f.ErrCode)), f.DebugData()...)
	case *http2.WindowUpdateFrame:
		return binary.BigEndian.AppendUint32(nil, f.Increment)
	case *http2.PingFrame:
		return append([]byte(nil), f.Data[:]...)
	}
	return nil
}

// rawClient connects to a Server that calls handle, and has said its preface.
func rawClient(t testing.TB, options h2.ServerOptions, handle func(*h2.Stream)) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", serve(t, false, options, handle))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	r := newRaw(t, conn)
	go r.read()
	io.WriteString(conn, http2.ClientPreface)
	r.WriteSettings()
	return r
}

// rawServer is what a Client is connected to; it has said its settings.
func rawServer(t testing.TB, settings ...http2.Setting) (*raw, *h2.Client) {
	t.Helper()
	r, client := rawServerSilent(t)
	r.WriteSettings(settings...)
	return r, client
}

// rawServerSilent is a rawServer that has said nothing.
func rawServerSilent(t testing.TB) (*raw, *h2.Client) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client := dial(t, listener.Addr().String(), h2.ClientOptions{})
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	got := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != http2.ClientPreface {
		t.Fatalf("preface %q, %v", got, err)
	}
	r := newRaw(t, conn)
	go r.read()
	return r, client
}

// head encodes "name: value" lines.
func (r *raw) head(lines ...string) []byte {
	r.block.Reset()
	for _, line := range lines {
		i := strings.Index(line[1:], ": ") + 1
		r.hpack.WriteField(hpack.HeaderField{Name: line[:i], Value: line[i+2:]})
	}
	return r.block.Bytes()
}

// headers sends a head in one frame.
func (r *raw) headers(stream uint32, end bool, lines ...string) {
	r.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: r.head(lines...), EndStream: end, EndHeaders: true})
}

// get is the head of a plain request, with more lines.
func get(more ...string) []string {
	return append([]string{":method: GET", ":scheme: http", ":path: /", ":authority: a"}, more...)
}

func postHead(more ...string) []string {
	return append([]string{":method: POST", ":scheme: http", ":path: /", ":authority: a"}, more...)
}

// next gives the next frame of this type on this stream, passing over all others.
func (r *raw) next(kind http2.FrameType, stream uint32) seen {
	r.t.Helper()
	for f := range r.frames {
		if f.kind == kind && f.stream == stream && !(kind == http2.FrameSettings && f.flags&1 != 0) {
			return f
		}
		if f.kind == http2.FrameGoAway && kind != http2.FrameGoAway {
			r.t.Fatalf("GOAWAY %q instead of %v on stream %d", f.payload, kind, stream)
		}
	}
	r.t.Fatalf("the connection ended before %v on stream %d", kind, stream)
	return seen{}
}

func (r *raw) wantReset(stream uint32, code h2.ErrorCode) {
	r.t.Helper()
	if got := h2.ErrorCode(binary.BigEndian.Uint32(r.next(http2.FrameRSTStream, stream).payload)); got != code {
		r.t.Errorf("stream %d was reset with %v, want %v", stream, got, code)
	}
}

// wantGoAway wants the connection to end, with this code.
func (r *raw) wantGoAway(code h2.ErrorCode) {
	r.t.Helper()
	f := r.next(http2.FrameGoAway, 0)
	if got := h2.ErrorCode(binary.BigEndian.Uint32(f.payload[4:])); got != code {
		r.t.Errorf("GOAWAY with %v %q, want %v", got, f.payload[8:], code)
	}
	for range r.frames { // until it is closed
	}
}

// ping waits until everything before was looked at.
func (r *raw) ping() {
	r.t.Helper()
	r.WritePing(false, [8]byte{1})
	r.next(http2.FramePing, 0)
}

// status decodes the :status of a response. Only for the first head of a connection, and those without table references.
func (r *raw) status(f seen) string {
	fields, err := hpack.NewDecoder(4096, nil).DecodeFull(f.payload)
	if err != nil || len(fields) == 0 {
		r.t.Fatalf("head %x: %v", f.payload, err)
	}
	return fields[0].Value
}
