package h2

import "net"

// Client is the client's side of one connection, for many requests at once. Safe for concurrent use.
type Client struct{}

// NewClient sends the preface over a connection whose server speaks HTTP/2, by ALPN or by prior knowledge, and starts to read. It does
// not wait for the server's settings. The connection belongs to the client from then on and is closed if this fails.
func NewClient(conn net.Conn, options ClientOptions) (*Client, error) { return nil, ErrClosed }

// Open takes a place for an exchange, which Stream.Close gives back. Nothing is sent before WriteHead. ErrBusy if the server allows no
// more streams at once, ErrGoingAway if the connection takes no new ones.
func (c *Client) Open() (*Stream, error) { return nil, ErrGoingAway }

// Streams is how many streams are open now.
func (c *Client) Streams() int { return 0 }

// Capacity is how many streams the server allows at once; 100 until it has said so.
func (c *Client) Capacity() int { return 0 }

// Usable reports whether the connection takes new streams, if there is a place.
func (c *Client) Usable() bool { return false }

// Shutdown takes no new streams and closes the connection when the last has ended.
func (c *Client) Shutdown() {}

// Close ends the connection at once. It does not wait for the goroutines: Done does.
func (c *Client) Close() {}

// Done is closed when the connection has ended and its goroutines with it.
func (c *Client) Done() <-chan struct{} { return nil }
