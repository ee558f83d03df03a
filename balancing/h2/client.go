package h2

import (
	"net"
	"time"
)

// Client is the client's side of one connection, for many requests at once. Safe for concurrent use.
type Client struct {
	c    *conn
	done chan struct{}
}

// NewClient sends the preface over a connection whose server speaks HTTP/2, by ALPN or by prior knowledge, and starts to read. It does
// not wait for the server's settings. The connection belongs to the client from then on and is closed if this fails.
func NewClient(netConn net.Conn, options ClientOptions) (*Client, error) {
	options = options.withDefaults()
	c := newConn(netConn, options.Memory)
	c.window = newWindow(mostConnWindow, mostConnWindow, nil)
	c.client, c.nextID, c.peerStreams, c.maxStreams = true, 1, guessedStreams, guessedStreams
	c.limits, c.scheme, c.settling = options.Limits, options.Scheme, make(chan struct{})
	c.pingAfter, c.writeTimeout = options.PingAfter, options.WriteTimeout
	c.reader.buf = make([]byte, firstBuffer)
	c.reader.block = newBlock(c.limits)
	netConn.SetWriteDeadline(time.Now().Add(c.writeTimeout))
	if _, err := netConn.Write(c.appendPreamble(nil)); err != nil {
		netConn.Close()
		return nil, err
	}
	client := &Client{c: c, done: make(chan struct{})}
	c.mu.Lock()
	c.startClock()
	c.mu.Unlock()
	go c.write()
	go client.run()
	return client, nil
}

func (c *Client) run() {
	defer close(c.done)
	c.c.serve()
}

// Open takes a place for an exchange, which Stream.Close gives back. Nothing is sent before WriteHead. ErrBusy if the server allows no
// more streams at once, ErrGoingAway if the connection takes no new ones.
func (c *Client) Open() (*Stream, error) {
	c.c.mu.Lock()
	defer c.c.mu.Unlock()
	if c.c.goingAway {
		return nil, ErrGoingAway
	}
	if len(c.c.live) >= c.c.peerStreams {
		return nil, ErrBusy
	}
	return c.c.take(), nil
}

// Streams is how many streams are open now.
func (c *Client) Streams() int {
	c.c.mu.Lock()
	defer c.c.mu.Unlock()
	return len(c.c.live)
}

// Settled is closed when the server's first settings have come, so that Capacity is what it allows, or the connection has ended.
func (c *Client) Settled() <-chan struct{} { return c.c.settling }

// Usable reports whether the connection takes new streams, if there is a place.
func (c *Client) Usable() bool {
	c.c.mu.Lock()
	defer c.c.mu.Unlock()
	return !c.c.goingAway
}

// Shutdown takes no new streams and closes the connection when the last has ended.
func (c *Client) Shutdown() {
	c.c.mu.Lock()
	defer c.c.mu.Unlock()
	c.c.goingAway = true
	c.c.stopIfUnused()
}

// Close ends the connection at once. It does not wait for the goroutines: Done does.
func (c *Client) Close() { c.c.abort() }

// Done is closed when the connection has ended and its goroutines with it.
func (c *Client) Done() <-chan struct{} { return c.done }
