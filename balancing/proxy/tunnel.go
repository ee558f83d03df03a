package proxy

import (
	"net"
	"time"
)

// tunnel passes bytes both ways after 101 Switching Protocols, until either side closes.
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
	first := c.in.Buffered()
	x.moved(int64(len(first)), int64(len(early)))
	if _, err := u.conn.Write(first); err == nil {
		x.pipe(c.conn, u.conn)
	}
	u.close()
	x.settle(informational, false)
	c.tcp.Close()
	return failure{how: informational}
}

// pipe passes bytes between the client's and the backend's connection, and counts them.
func (x *exchange) pipe(client, backend net.Conn) {
	x.conn.tunneled.Store(&backend)
	x.conn.tcp.SetKeepAlive(true)
	tunnels := &x.conn.listener.counts.tunnels
	tunnels.Add(1)
	defer tunnels.Add(-1)
	p := &pipe{a: client, b: backend, idle: time.Duration(x.view.settings.Timeouts.Tunnel), moves: x.moved}
	p.run()
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
