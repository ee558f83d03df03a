package socket

import (
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is a TCP connection. It is a [net.Conn], and a [net.TCPConn] for all that it does not do itself: deadlines, addresses, half-closing,
// and splice(2) between two of them by [io.Copy]. One goroutine may read while another writes; other methods say who may call them.
type Conn struct {
	*net.TCPConn
	raw       syscall.RawConn
	reader    reader
	writer    writer
	asker     asker
	attention attention
	looker    looker
	attended  atomic.Bool // a goroutine is in Attend
}

// New takes over a connection. It cannot fail for one that was accepted or dialed.
func New(tcp *net.TCPConn) (*Conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Conn{TCPConn: tcp, raw: raw}
	c.reader.init()
	c.writer.init(c)
	c.asker.init()
	c.attention.init()
	c.looker.init()
	return c, nil
}

// SetWriteTimeout bounds how long a Write waits for the other end to take something, each time that it has to wait; 0 waits for ever. Unlike a
// deadline it costs nothing where Write need not wait. It is not called while a Write is under way.
func (c *Conn) SetWriteTimeout(limit time.Duration) { c.writer.limit = limit }

// Close closes the connection and wakes whoever waits on it. Inside Attend, where closing would wait for Attend to return, and Attend for
// its function, it is done by another goroutine an instant later.
func (c *Conn) Close() error {
	if c.attended.Load() {
		c.SetDeadline(time.Unix(1, 0)) // at once, so that nothing more is sent or waited for
		go c.TCPConn.Close()
		return nil
	}
	return c.TCPConn.Close()
}
