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
func (x *exchange) tunnel(called call) failure {
	c, u := x.client.(*h1Client), called.(*backendConn) // only these ask for a switch of protocols
	x.keep = false
	x.switchedAt = time.Now()
	x.reply = x.res.AppendHead(x.reply[:0], 0)
	x.reply = append(x.reply, "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"...)
	early := u.reader.Buffered()
	x.reply = append(x.reply, early...)
	x.replied = true
	if c.send(x.reply) != nil {
		u.close()
		x.settle(clientAborted, true)
		c.abort()
		return failure{how: clientAborted}
	}
	c.tunnelEnd.Store(u)
	c.reading.none()
	c.writing.none()
	u.reading.none()
	u.writing.none()
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
	x.settle(informational, false)
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
