package health

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"

	"headroom.dev/headroom/balancing/proxyprotocol"
)

// connect opens a connection, with all that comes before the first byte of a request. The protocol is that of ALPN; "" is whatever the
// target's TLS has.
func (t Target) connect(ctx context.Context, protocol string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return nil, err
	}
	secure, err := t.prepare(ctx, conn, protocol)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// prepare sends the PROXY header and does the TLS handshake, where the target has them.
func (t Target) prepare(ctx context.Context, conn net.Conn, protocol string) (net.Conn, error) {
	if err := t.sendProxyHeader(conn); err != nil {
		return nil, fmt.Errorf("send the PROXY header: %w", err)
	}
	if t.TLS == nil {
		return conn, nil
	}
	shared := t.TLS(t.Address)
	if shared == nil {
		return conn, nil
	}
	config := shared.Clone()
	if protocol != "" {
		config.NextProtos = []string{protocol}
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(t.Address) // dialing would have failed
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	if chosen := secure.ConnectionState().NegotiatedProtocol; protocol == protocolH2 && chosen != protocolH2 {
		return nil, fmt.Errorf("TLS handshake: expected the protocol h2, the backend chose %q", chosen)
	}
	return secure, nil
}

func (t Target) sendProxyHeader(conn net.Conn) error {
	var nobody netip.AddrPort
	var header []byte
	switch t.ProxyProtocol {
	case "v1":
		header = proxyprotocol.AppendV1(nil, nobody, nobody)
	case "v2":
		header = proxyprotocol.AppendV2(nil, nobody, nobody)
	default:
		return nil
	}
	_, err := conn.Write(header) // the first bytes of a connection have room in the kernel: this does not wait
	return err
}
