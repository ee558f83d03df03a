package proxy

import (
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/socket"
)

// maxReply is how much of a response is gathered before it is sent.
const maxReply = 24 << 10

func (c *h1Client) pollBody() ([]byte, error) { return c.x.body.Poll() }
func (c *h1Client) nextBody() ([]byte, error) { return c.x.body.Next() }

// nextBodyWithin is nextBody that waits for at most span.
func (c *h1Client) nextBodyWithin(span time.Duration) ([]byte, error) {
	c.most = span
	data, err := c.x.body.Next()
	c.most = 0
	return data, err
}

func (c *h1Client) appendTrailers(dst []byte) []byte { return c.x.body.AppendTrailers(dst) }
func (c *h1Client) bodyWaits() bool                  { return len(c.x.in.Buffered()) > 0 || c.tcp.Look() == socket.Data }
func (c *h1Client) inOrder() bool                    { return true }

// gone reports whether the client has left. One that has announced its last request has nothing more to say and may close its side behind it,
// so the end of that means nothing then. In HTTP/1.0 it always ends the request (RFC 1945 section 1.3).
func (c *h1Client) gone() bool {
	if c.last && c.x.req.Minor() > 0 {
		return broken(c.tcp)
	}
	return c.tcp.Look() == socket.Closed || c.tls != nil && hungUp(c.tcp)
}

// cancelBody wakes whoever reads the request's body.
func (c *h1Client) cancelBody() {
	c.canceled.Store(true)
	c.conn.SetReadDeadline(time.Unix(1, 0))
}

func (c *h1Client) sendInterim(head []byte) error {
	if c.x.old { // other than HTTP/1.1 clients do not know them
		return nil
	}
	return c.send(head)
}

// begin ends the head in reply with the fields of framing and connection.
func (c *h1Client) begin(body h1.Framing) error {
	x := c.x
	c.chunked = body.Kind == h1.ChunkedBody || body.Kind == h1.UntilClose
	if c.chunked && x.old {
		c.chunked = false // HTTP/1.0 knows no chunks: the end of the connection is the end of the body
		x.keep = false
	}
	x.keep = x.keep && !c.final && !c.closing()
	if c.chunked {
		x.reply = h1.AppendFraming(x.reply, h1.Framing{Kind: h1.ChunkedBody})
	}
	switch {
	case !x.keep:
		x.reply = append(x.reply, "Connection: close\r\n"...)
	case x.old:
		x.reply = append(x.reply, "Connection: keep-alive\r\n"...)
	}
	x.reply = append(x.reply, "\r\n"...)
	return nil
}

// alone is the size from which a part of a body is not copied behind the head but sent together with it.
const alone = 8 << 10

// write gathers small parts, so that head and body go in one system call, and sends large ones with what was gathered before them.
func (c *h1Client) write(data []byte) error {
	x := c.x
	if c.chunked {
		x.reply = h1.AppendChunkStart(x.reply, len(data))
	}
	if len(data) >= alone {
		if err := c.sendBoth(x.reply, data); err != nil {
			return err
		}
		x.reply = x.reply[:0]
	} else {
		x.reply = append(x.reply, data...)
	}
	if c.chunked {
		x.reply = append(x.reply, "\r\n"...)
	}
	if len(x.reply) >= maxReply {
		return c.flush()
	}
	return nil
}

func (c *h1Client) end(trailers []byte) error {
	if c.chunked {
		c.x.reply = append(c.x.reply, "0\r\n"...)
		c.x.reply = append(append(c.x.reply, trailers...), "\r\n"...)
	}
	return nil
}

// flush sends what reply holds.
func (c *h1Client) flush() error {
	x := c.x
	if len(x.reply) == 0 {
		return nil
	}
	x.replied = true
	err := c.send(x.reply)
	x.reply = x.reply[:0]
	return err
}

func (c *h1Client) finish() bool { return c.x.keep && c.x.bodyRead }

// send writes to the client.
func (c *h1Client) send(data []byte) error {
	_, err := c.conn.Write(data)
	return err
}

// sendBoth writes what was gathered and the data behind it.
func (c *h1Client) sendBoth(gathered, data []byte) error {
	c.x.replied = true
	if c.tls == nil {
		_, err := c.tcp.WriteBoth(gathered, data)
		return err
	}
	if len(gathered) > 0 {
		if _, err := c.conn.Write(gathered); err != nil {
			return err
		}
	}
	_, err := c.conn.Write(data)
	return err
}

// abort closes the connection by a reset.
func (c *h1Client) abort() {
	c.x.keep = false
	c.aborted = true
	c.reset()
}
