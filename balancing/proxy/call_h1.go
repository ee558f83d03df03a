package proxy

import (
	"net"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// backendConn is one connection to a backend that speaks HTTP/1.1, and the call on it. One exchange at a time owns it, or the backend's pool.
type backendConn struct {
	backend   *backend
	transport *transport
	pool      *pool // that it goes back to
	conn      net.Conn
	peek      *peeker
	reader    h1.Reader
	body      h1.Body
	chunked   bool   // the request's body
	chunk     []byte // being sent
	reading   deadline
	writing   deadline
	reused    bool // carried a whole exchange before
	idleSince time.Time
}

func newBackendConn(b *backend, t *transport, p *pool, conn net.Conn, limits h1.Limits) *backendConn {
	u := &backendConn{backend: b, transport: t, pool: p, conn: conn, peek: newPeeker(conn)}
	u.reader.Reset(conn, make([]byte, bufferSize), limits)
	u.reading.set = conn.SetReadDeadline
	u.writing.set = conn.SetWriteDeadline
	return u
}

func (u *backendConn) close() { u.conn.Close() }

func (u *backendConn) send(x *exchange) (sent int, err error) {
	u.chunked = x.framing.Kind == h1.ChunkedBody
	u.writing.within(x.attemptAt, pieceTime)
	return u.conn.Write(x.out)
}

func (u *backendConn) writeBody(data []byte) error {
	if u.chunked {
		u.chunk = h1.AppendChunkStart(u.chunk[:0], len(data))
		u.chunk = append(append(u.chunk, data...), "\r\n"...)
		data = u.chunk
	}
	u.writing.within(time.Now(), pieceTime)
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

func (u *backendConn) begin(body h1.Framing)            { u.body.Reset(&u.reader, body) }
func (u *backendConn) pollBody() ([]byte, error)        { return u.body.Poll() }
func (u *backendConn) appendTrailers(dst []byte) []byte { return u.body.AppendTrailers(dst) }

func (u *backendConn) nextBody(now time.Time, span time.Duration) ([]byte, error) {
	u.reading.within(now, span)
	return u.body.Next()
}

func (u *backendConn) stale() bool        { return u.reused && len(u.reader.Buffered()) == 0 }
func (u *backendConn) refused(error) bool { return false }

// release gives the connection back, or closes it where there is any doubt about what would come next on it.
func (u *backendConn) release(reusable bool) {
	if !reusable || len(u.reader.Buffered()) > 0 {
		u.close()
		return
	}
	u.reused = true
	u.pool.put(u, time.Now())
}

func (u *backendConn) cancel() { u.close() }
