package proxy

import (
	"io"
	"net"
	"time"
)

// halfOpen is how long one direction of a tunnel may go on after the other has ended: enough for a closing handshake.
const halfOpen = 10 * time.Second

// tunnel passes bytes both ways after 101 Switching Protocols, until either side closes. Between plain TCP connections Linux moves them
// without copying (splice).
func (c *clientConn) tunnel(u *upstream) failure {
	x := &c.exchange
	x.keep = false
	x.switchedAt = time.Now()
	c.reply = c.res.AppendHead(c.reply[:0], 0)
	c.reply = append(c.reply, "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"...)
	early := u.reader.Buffered()
	c.reply = append(c.reply, early...)
	x.replied = true
	if c.send(c.reply) != nil {
		u.close()
		c.settle(clientAborted, true)
		c.abort()
		return failure{how: clientAborted}
	}
	c.tunnelEnd.Store(u)
	c.read.none()
	c.write.none()
	u.read.none()
	u.write.none()
	sent := make(chan int64)
	go func() {
		early, _ := u.conn.Write(c.in.Buffered())
		n, _ := io.Copy(u.conn, c.conn)
		endOneWay(u.conn, c.conn)
		sent <- n + int64(early)
	}()
	n, _ := io.Copy(c.conn, u.conn)
	endOneWay(c.conn, u.conn)
	in, out := uint64(<-sent), uint64(n)+uint64(len(early))
	u.close()
	for _, t := range []*traffic{&x.service.traffic, &x.backend.traffic} {
		t.bytesIn.Add(in)
		t.bytesOut.Add(out)
	}
	c.settle(informational, false)
	c.conn.Close()
	return failure{how: informational}
}

// endOneWay tells the receiver that nothing more comes and gives the other direction a last while.
func endOneWay(to, from net.Conn) {
	if tcp, ok := to.(*net.TCPConn); ok {
		tcp.CloseWrite()
	}
	to.SetReadDeadline(time.Now().Add(halfOpen))
	from.SetWriteDeadline(time.Now().Add(halfOpen))
}
