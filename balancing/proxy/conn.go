package proxy

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/balancing/socket"
)

// clientConn is a client's connection, whatever is spoken on it. Its goroutine owns it; what others touch is named so.
type clientConn struct {
	server   *Server
	listener *listener
	tcp      *socket.Conn // as accepted
	conn     net.Conn     // what is read and written: tcp, or TLS on it
	tls      *tls.ConnectionState
	client   netip.AddrPort // as the service sees it: what a PROXY header told, else the other end of tcp
	clientIP string         // of client
	scheme   string         // http or https
	local    netip.AddrPort // where the client connected to, if a PROXY header told
	trusted  bool           // the client is one of trustedProxies
	counted  netip.Addr     // what the connection counts for in the limit per client, if anything
	id       uint64
	requests atomic.Uint64
	h1       *h1Client // where it speaks HTTP/1
	own      ownConnections
	waker    atomic.Pointer[waker]    // of the protocol, once it is known
	tunneled atomic.Pointer[net.Conn] // the backend's end of a tunnel
}

// waker is a protocol on a client's connection, as others than its goroutine see it.
type waker interface {
	// wake ends the connection soon if it waits for a request, and otherwise after the present ones.
	wake()
}

func newClientConn(l *listener, conn *socket.Conn) *clientConn {
	c := &clientConn{server: l.server, listener: l, tcp: conn, conn: conn, scheme: "http", id: l.server.nextID.Add(1)}
	c.client = conn.Remote()
	return c
}

// destination is where the client connected to.
func (c *clientConn) destination() netip.AddrPort {
	if c.local.IsValid() {
		return c.local
	}
	return c.tcp.Local()
}

// serve handles requests until either side has had enough, or until the connection has been idle for a while: then it reports
// that it wants to be served again on a goroutine of its own, whose stack is small.
func (c *clientConn) serve() (parked bool) {
	if c.h1 != nil {
		return c.h1.serve()
	}
	r := c.listener.routes.Load()
	if !c.introduce(r) || !c.encrypt(r) {
		return false
	}
	switch {
	case r.tcp != nil:
		serveTCP(c, r.tcp)
	case c.tls != nil && c.tls.NegotiatedProtocol == "h2":
		serveH2(c, nil)
	default:
		return newH1Client(c).serve()
	}
	return false
}

// end closes the connection for good.
func (c *clientConn) end() {
	c.listener.uncount(c)
	c.own.close()
	c.tcp.Close()
}

// introduce finds out who the client is, by its PROXY header where one is due, and whether it may have another connection.
func (c *clientConn) introduce(r *routes) bool {
	if r.acceptProxy {
		if err := c.readProxyHeader(r); err != nil {
			c.server.options.Logger.Debug("PROXY header refused", "listen", c.listener.address, "peer", c.tcp.RemoteAddr(), "error", err)
			return false
		}
	}
	c.clientIP = c.client.Addr().String()
	c.trusted = contains(r.trusted, c.client.Addr())
	if !c.trusted && !c.listener.count(c, r.perClient) {
		c.turnAway("too many connections from this address (limits.connectionsPerClient)")
		return false
	}
	return true
}

// encrypt makes the connection one of TLS, if the listener has certificates.
func (c *clientConn) encrypt(r *routes) bool {
	if r.tls == nil {
		return true
	}
	secure := tls.Server(c.tcp, r.tls)
	c.tcp.SetDeadline(time.Now().Add(r.header))
	err := secure.Handshake()
	c.tcp.SetDeadline(time.Time{})
	if err != nil {
		c.listener.counts.failedHandshakes.Add(1)
		c.server.options.Logger.Debug("TLS handshake failed", "listen", c.listener.address, "client", c.clientIP, "error", err)
		return false
	}
	state := secure.ConnectionState()
	c.conn, c.tls, c.scheme = secure, &state, "https"
	if state.DidResume {
		c.listener.counts.resumedHandshakes.Add(1)
	} else {
		c.listener.counts.fullHandshakes.Add(1)
	}
	// A handshake for a challenge of ACME is all there is to the connection (RFC 8737 section 3).
	return state.NegotiatedProtocol != acmeProtocol
}

const acmeProtocol = "acme-tls/1"

// preface is how HTTP/2 begins (RFC 9113 section 3.4).
var preface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

// beginsHTTP2 reports whether what was read is the beginning of HTTP/2's preface. Three bytes tell: no method is named so.
func beginsHTTP2(read []byte) bool {
	return len(read) >= 3 && bytes.HasPrefix(preface, read[:min(len(read), len(preface))])
}

// speaks says which protocol is spoken. A listener that closes meanwhile is told to it.
func (c *clientConn) speaks(w waker) {
	c.waker.Store(&w)
	if c.listener.waking.Load() {
		w.wake()
	}
}

// notice tells a client that the listener has closed, where its protocol has a way that does not race with a request: GOAWAY of HTTP/2. One that has
// not asked for anything yet is told with its first request: Go's client gives a request up, and repeats it nowhere, where a new connection says
// GOAWAY before it was used (errClientConnNotEstablished). Other goroutines call it.
func (c *clientConn) notice() {
	if w := c.waker.Load(); w != nil {
		if h2, ok := (*w).(*h2Conn); ok && c.requests.Load() > 0 {
			h2.wake()
		}
	}
}

// wake ends a wait for a request, soon. Other goroutines call it.
func (c *clientConn) wake() {
	if w := c.waker.Load(); w != nil {
		(*w).wake()
	}
}

// kill ends the connection at once, whatever it is doing, and the tunnel through it. Other goroutines call it.
func (c *clientConn) kill() {
	if w := c.waker.Load(); w != nil {
		if h1, ok := (*w).(*h1Client); ok && c.server.lot.Take(c.tcp, h1) {
			defer h1.Ready()
		}
	}
	c.tcp.SetDeadline(time.Unix(1, 0))
	c.tcp.Close()
	if end := c.tunneled.Load(); end != nil {
		(*end).Close()
	}
}

// reset closes the connection so that the client cannot take what it got for the whole: no close_notify, no FIN.
func (c *clientConn) reset() {
	c.tcp.SetLinger(0)
	c.tcp.Close()
}

// closing reports whether the connection shall end after the present request.
func (c *clientConn) closing() bool { return c.listener.closing.Load() }

// take gives an exchange to this connection, put takes it back.
func (c *clientConn) take() *exchange {
	x := c.server.exchanges.Get().(*exchange)
	x.conn = c
	return x
}

func (c *clientConn) put(x *exchange) {
	x.forget()
	c.server.exchanges.Put(x)
}
