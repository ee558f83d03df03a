package proxy

import (
	"errors"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/h2"
)

// h2Conn is a client's connection that speaks HTTP/2.
type h2Conn struct {
	*clientConn
	server *h2.Server
}

// serveH2 serves a connection until either side has had enough. early is what was read of it already.
func serveH2(conn *clientConn, early []byte) {
	r := conn.listener.routes.Load()
	c := &h2Conn{clientConn: conn}
	c.server = h2.NewServer(conn.conn, h2.ServerOptions{
		Early: early, Memory: conn.server.memory, Limits: r.limits, MaxStreams: r.streams, IdleTimeout: r.idle, WriteTimeout: gatheredTime,
		Malformed: c.malformed,
	})
	conn.speaks(c)
	if err := c.server.Serve(c.serveStream); err != nil {
		conn.server.options.Logger.Debug("HTTP/2 connection failed", "listen", conn.listener.address, "client", conn.clientIP, "error", err)
	}
}

func (c *h2Conn) wake() { c.server.Shutdown() }

// serveStream serves one request. The server calls it on a goroutine of the stream's own.
func (c *h2Conn) serveStream(stream *h2.Stream) {
	r := c.listener.routes.Load()
	number := c.requests.Add(1)
	if number >= uint64(r.requests) || c.closing() {
		c.server.Shutdown()
	}
	c.listener.counts.http2.Add(1)
	x := c.take()
	defer c.put(x)
	x.h2 = h2Client{x: x, stream: stream}
	x.req.Reset()
	if _, err := x.req.Parse(stream.Head(), r.limits); err != nil {
		status, reason := refusal(err)
		x.refuse(&x.h2, status, reason, number)
		return
	}
	stream.SetCancel(x.onGone)
	x.serve(&x.h2, number)
	stream.SetCancel(nil)
}

// malformed accounts for a request that was reset because its head is malformed. There is no stream and no answer.
func (c *h2Conn) malformed(reason string) {
	c.listener.counts.http2.Add(1)
	x := c.take()
	defer c.put(x)
	x.h2 = h2Client{x: x}
	x.unreadable(&x.h2, c.requests.Add(1))
	x.log(rejected, x.protocol(), reason)
}

// refusal is the answer to a head that could not be parsed. HTTP/2 cuts off one that is too large.
func refusal(err error) (status int, reason string) {
	var refused *h1.Error
	if errors.As(err, &refused) {
		return refused.Status, refused.Reason
	}
	return 431, "head is larger than the limit"
}

// h2Client is the client of one stream.
type h2Client struct {
	x       *exchange
	stream  *h2.Stream
	pace    pace
	framing h1.Framing // of the response
	left    int64      // of a response of known length
	begun   bool       // the head was given to the stream
	ended   bool

	canceled atomic.Bool // reading the request body was given up
}

func (c *h2Client) pollBody() ([]byte, error) { return c.stream.Poll() }

func (c *h2Client) nextBody() ([]byte, error) {
	now := time.Now()
	wait, err := c.pace.wait(c.x.conn.listener.routes.Load())
	if err != nil {
		return nil, err
	}
	c.stream.SetReadDeadline(now.Add(wait))
	if c.canceled.Load() {
		c.stream.SetReadDeadline(time.Unix(1, 0))
	}
	data, err := c.stream.Next()
	c.pace.took(time.Since(now), len(data))
	return data, err
}

func (c *h2Client) appendTrailers(dst []byte) []byte { return append(dst, c.stream.Trailers()...) }

func (c *h2Client) cancelBody() {
	c.canceled.Store(true)
	c.stream.SetReadDeadline(time.Unix(1, 0))
}

func (c *h2Client) bodyWaits() bool { return false }
func (c *h2Client) inOrder() bool   { return false }
func (c *h2Client) gone() bool      { return c.stream.Gone() }
func (c *h2Client) finish() bool    { return false }

func (c *h2Client) sendInterim(head []byte) error {
	if err := c.stream.WriteHead(head, false); err != nil {
		return err
	}
	return c.stream.Flush()
}

// begin keeps the head until something follows it, so that a head without body says so, and a backend that breaks off right after its
// head can still be answered for.
func (c *h2Client) begin(body h1.Framing) error {
	c.framing, c.left = body, body.Length
	c.begun, c.ended = false, false
	return nil
}

func (c *h2Client) writeHead(end bool) error {
	x := c.x
	c.begun, c.ended, x.replied = true, end, true
	c.stream.SetWriteDeadline(time.Now().Add(pieceTime))
	x.reply = append(x.reply, "\r\n"...)
	err := c.stream.WriteHead(x.reply, end)
	x.reply = x.reply[:0]
	return err
}

func (c *h2Client) write(data []byte) error {
	if !c.begun {
		if err := c.writeHead(false); err != nil {
			return err
		}
	}
	if c.framing.Kind == h1.LengthBody {
		c.left -= int64(len(data))
		c.ended = c.left == 0
	}
	c.stream.SetWriteDeadline(time.Now().Add(pieceTime))
	return c.stream.Write(data, c.ended)
}

func (c *h2Client) end(trailers []byte) error {
	switch {
	case c.ended:
		return nil
	case !c.begun && len(trailers) == 0:
		return c.writeHead(true)
	case !c.begun:
		if err := c.writeHead(false); err != nil {
			return err
		}
	}
	c.ended = true
	return c.stream.WriteTrailers(trailers)
}

func (c *h2Client) flush() error {
	if !c.begun {
		if err := c.writeHead(false); err != nil {
			return err
		}
	}
	return c.stream.Flush()
}

func (c *h2Client) abort() {
	code := h2.InternalError
	if c.x.expired {
		code = h2.Cancel
	}
	c.stream.Reset(code)
}

// refuse answers a request that could not be read.
func (x *exchange) refuse(c client, status int, reason string, number uint64) {
	x.unreadable(c, number)
	x.answer(status, reason)
	x.log(rejected, x.protocol(), reason)
}

// unreadable begins an exchange of a request that could not be read.
func (x *exchange) unreadable(c client, number uint64) {
	x.client, x.route = c, nil
	x.state = state{began: time.Now(), number: number}
	x.logged = logged{on: x.conn.server.logs(), kept: x.logged.kept[:0], client: x.conn.client}
	x.makeRequestID()
	x.conn.countMalformed(x.began)
}
