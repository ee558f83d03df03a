package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/socket"
)

// backendConn is one connection to a backend that speaks HTTP/1.1, and the call on it. One exchange at a time owns it, or the backend's pool.
type backendConn struct {
	backend   *backend
	transport *transport
	pool      *pool // that it goes back to
	conn      net.Conn
	tcp       *socket.Conn // conn, or what is beneath its TLS
	secure    bool
	beneath   *noticing // of TLS, else nil
	reader    h1.Reader
	body      h1.Body
	request   []byte  // waits to be sent by the first read of the answer
	sent      int     // bytes of the request that the kernel took
	full      bool    // the last read took all that there was room for
	chunked   bool    // the request's body
	chunk     []byte  // being sent
	large     *[]byte // that the reader has for a large body, from the server's pool
	small     []byte  // the reader's own, meanwhile
	reading   deadline
	reused    bool // carried a whole exchange before
	idleSince time.Time
}

func newBackendConn(b *backend, t *transport, p *pool, conn net.Conn, limits h1.Limits) *backendConn {
	u := &backendConn{backend: b, transport: t, pool: p, conn: conn}
	u.tcp = beneath(conn)
	if secure, ok := conn.(*tls.Conn); ok {
		u.secure = true
		u.beneath, _ = secure.NetConn().(*noticing)
	}
	u.reader.Reset((*backendReader)(u), make([]byte, bufferSize), limits)
	u.reading.set = conn.SetReadDeadline
	return u
}

// backendReader is what the reader of a backend's connection reads from. Before the first bytes of an answer it sends the request: that
// saves a system call, which would only find that there is no answer yet.
type backendReader backendConn

func (r *backendReader) Read(p []byte) (int, error) {
	u := (*backendConn)(r)
	if u.request == nil {
		n, err := u.conn.Read(p)
		u.full = n == len(p)
		if err == io.EOF && u.beneath != nil && u.beneath.cut {
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
	request := u.request
	u.request = nil
	sent, n, err := u.tcp.Ask(request, p)
	u.sent, u.full = sent, n == len(p)
	if sent == 0 && isTimeout(err) {
		u.request = request // the time was up before it could be sent: the next read sends it
	}
	return n, err
}

// ready looks at the socket only where the last read has filled the buffer: a look costs a tenth of the write that it may save.
func (u *backendConn) ready() bool { return u.full && u.tcp.Look() == socket.Data }

func (u *backendConn) close() { u.conn.Close() }

// send leaves a whole request to the first read of the answer. A connection on which the backend has spoken, or that it has closed, is found by
// that read, or here: what nobody asked for would be taken for the answer (response queue poisoning).
func (u *backendConn) send(x *exchange) error {
	u.chunked = x.framing.Kind == h1.ChunkedBody
	u.sent = 0
	if !u.secure && !x.streaming {
		u.request = x.out
		return nil
	}
	if u.reused && !u.quiet() {
		return socket.ErrStale
	}
	var err error
	u.sent, err = u.conn.Write(x.out)
	return err
}

// quiet reports whether the backend has neither said anything since its last response nor closed. What it said right behind that response may
// lie in the buffers of TLS, where no look at the socket finds it, but a read that waits for nothing does.
func (u *backendConn) quiet() bool {
	if u.tcp.Look() != socket.Quiet {
		return false
	}
	if !u.secure {
		return true
	}
	u.reading.exactly(time.Unix(1, 0))
	err := u.reader.Fill()
	u.reader.Discard(len(u.reader.Buffered())) // nothing of it is an answer
	return isTimeout(err)
}

func (u *backendConn) writeBody(data []byte) error {
	if u.chunked {
		u.chunk = h1.AppendChunkStart(u.chunk[:0], len(data))
		u.chunk = append(append(u.chunk, data...), "\r\n"...)
		data = u.chunk
	}
	_, err := u.conn.Write(data)
	return err
}

func (u *backendConn) endBody(trailers []byte) error {
	if !u.chunked {
		return nil
	}
	u.chunk = append(append(append(u.chunk[:0], "0\r\n"...), trailers...), "\r\n"...)
	_, err := u.conn.Write(u.chunk)
	return err
}

func (u *backendConn) await(res *h1.Response, toHead bool, now time.Time, span time.Duration) error {
	u.reading.within(now, span)
	return u.reader.ReadResponse(res, toHead)
}

// begin reads a body that is larger than the buffer through a larger one: of 64 KB a read costs a fourth of what four of 16 KB cost.
func (u *backendConn) begin(body h1.Framing) {
	large := body.Length > bufferSize || body.Kind != h1.LengthBody && len(u.reader.Buffered()) > bufferSize/2
	if large && len(u.reader.Buffer()) < largeBuffer { // a large head may have made it larger already
		u.large = u.backend.large.Get().(*[]byte)
		u.small = u.reader.Swap(*u.large)
	}
	u.body.Reset(&u.reader, body)
}

// giveBack returns the larger buffer.
func (u *backendConn) giveBack() {
	if u.large == nil {
		return
	}
	u.reader.Swap(u.small)
	u.backend.large.Put(u.large)
	u.large, u.small = nil, nil
}

func (u *backendConn) pollBody() ([]byte, error)        { return u.body.Poll() }
func (u *backendConn) appendTrailers(dst []byte) []byte { return u.body.AppendTrailers(dst) }

func (u *backendConn) nextBody(now time.Time, span time.Duration) ([]byte, error) {
	u.reading.within(now, span)
	return u.body.Next()
}

func (u *backendConn) stale() bool       { return u.reused && len(u.reader.Buffered()) == 0 }
func (u *backendConn) unsent(error) bool { return u.sent == 0 }
func (u *backendConn) leaving() bool     { return false }

// release gives the connection back, or closes it where there is any doubt about what would come next on it.
func (u *backendConn) release(reusable bool, now time.Time) {
	if !reusable || len(u.reader.Buffered()) > 0 || u.beneath != nil && !u.beneath.between() {
		u.close()
		if u.large != nil {
			u.reader.Discard(len(u.reader.Buffered()))
			u.giveBack()
		}
		return
	}
	u.giveBack()
	if len(u.reader.Buffer()) > bufferSize { // a large head's
		u.reader.Swap(make([]byte, bufferSize))
	}
	u.reused = true
	u.pool.put(u, now)
}

// cancel closes the socket beneath TLS: to say that the connection ends in order, as close does, would be wrong here and may take 5 s.
func (u *backendConn) cancel() { u.tcp.Close() }
