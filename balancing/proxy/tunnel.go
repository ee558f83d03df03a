package proxy

import (
	"net"
	"time"

	"headroom.dev/headroom/balancing/socket"
)

// tunnel passes bytes both ways after 101 Switching Protocols, until either side closes.
func (x *exchange) tunnel(called call) failure {
	c, u := x.client.(*h1Client), called.(*backendConn) // only these ask for a switch of protocols
	x.keep = false
	x.switchedAt = time.Now()
	x.reply = x.res.AppendHead(x.reply[:0], 0)
	x.reply = x.appendSession(x.reply)
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
	first := c.x.in.Buffered()
	x.moved(int64(len(first)), int64(len(early)))
	if _, err := u.conn.Write(first); err == nil {
		x.pipe(u.tcp, u.conn, halfOpen)
	}
	u.close()
	x.settle(informational, false)
	c.tcp.Close()
	return failure{how: informational}
}

// pipe passes bytes between the client's and the backend's connection, of which tcp is the socket, and counts them. rest is how long nothing
// may move once one side has said all. Where one breaks the other is reset.
func (x *exchange) pipe(tcp *socket.Conn, backend net.Conn, rest time.Duration) {
	c := x.conn
	c.tunneled.Store(&backend)
	c.tcp.KeepAlive()
	tunnels := &c.listener.counts.tunnels
	tunnels.Add(1)
	defer tunnels.Add(-1)
	idle := time.Duration(x.view.settings.Timeouts.Tunnel)
	p := &pipe{a: c.conn, b: backend, splicer: &c.server.splicer, idle: idle, rest: min(rest, idle), moves: x.moved}
	// Whoever reads nothing for a while is no failure here.
	c.tcp.SetWriteTimeout(0)
	tcp.SetWriteTimeout(0)
	if err := p.run(); err != nil {
		x.why = err.Error()
		c.tcp.SetLinger(0)
		tcp.SetLinger(0)
	}
	x.bytesIn, x.bytesOut = p.inward.Load(), p.outward.Load()
}

// moved counts bytes of a body or tunnel, for the service and for the backend that is being tried.
func (x *exchange) moved(in, out int64) {
	x.service.traffic.bytesIn.Add(uint64(in))
	x.service.traffic.bytesOut.Add(uint64(out))
	b := x.lastTried()
	b.traffic.bytesIn.Add(uint64(in))
	b.traffic.bytesOut.Add(uint64(out))
}
