package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/proxyprotocol"
)

// transport is how the backends of a service are spoken to.
type transport struct {
	settings      headroom.BackendTLS
	http2         bool
	proxyProtocol string // none, v1 or v2
}

// configuring makes the TLS configuration of a connection to an address (host:port), which is not to be changed. Nil is plain TCP.
type configuring func(address string) *tls.Config

// tellsClient reports whether a connection tells the backend who the client is, so that it can be used for that client alone.
func (t *transport) tellsClient() bool { return t.proxyProtocol == "v1" || t.proxyProtocol == "v2" }

// dial opens a connection to b, with all that comes before the first byte of a request.
func (b *backend) dial(x *exchange) (net.Conn, error) {
	t := b.transport.Load()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(x.view.settings.Timeouts.Connect))
	defer cancel()
	dialer := net.Dialer{KeepAlive: -1} // as Listen
	dialed, err := dialer.DialContext(ctx, "tcp", b.address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", b.address, err)
	}
	conn := plain(dialed)
	if conn == nil {
		dialed.Close()
		return nil, fmt.Errorf("connect to %s: %w", b.address, net.ErrClosed)
	}
	if t.tellsClient() {
		if err := sendProxyHeader(conn, t.proxyProtocol, x.conn.client, x.conn.destination()); err != nil {
			conn.Close()
			return nil, fmt.Errorf("send the PROXY header to %s: %w", b.address, err)
		}
	}
	configure := *b.tls.Load()
	if configure == nil {
		return conn, nil
	}
	secure := tls.Client(&noticing{Conn: conn}, configure(b.address))
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS handshake with %s: %w", b.address, err)
	}
	if chosen := secure.ConnectionState().NegotiatedProtocol; t.http2 && chosen != "h2" {
		conn.Close()
		return nil, fmt.Errorf("TLS handshake with %s: expected the protocol h2, the backend chose %q", b.address, chosen)
	}
	return secure, nil
}

func sendProxyHeader(conn net.Conn, version string, client, local netip.AddrPort) error {
	var header []byte
	if version == "v1" {
		header = proxyprotocol.AppendV1(nil, client, local)
	} else {
		header = proxyprotocol.AppendV2(nil, client, local)
	}
	_, err := conn.Write(header)
	return err
}
