package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"headroom.dev/headroom/balancing/proxyprotocol"
)

// readProxyHeader takes the client's address from the PROXY header that the connection begins with. It looks at the bytes without taking them
// until the header is whole, so that exactly the header is taken: what follows may be a TLS handshake.
func (c *clientConn) readProxyHeader(r *routes) error {
	if len(r.trusted) > 0 && !contains(r.trusted, c.client.Addr()) {
		return fmt.Errorf("%s is not one of trustedProxies", c.client.Addr())
	}
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return err
	}
	c.tcp.SetReadDeadline(time.Now().Add(r.header))
	defer c.tcp.SetReadDeadline(time.Time{})
	var header proxyprotocol.Header
	var length int
	var failure error
	buf := make([]byte, proxyprotocol.MaxV2)
	seen := 0
	err = raw.Read(func(fd uintptr) (done bool) {
		n, _, err := syscall.Recvfrom(int(fd), buf, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == syscall.EAGAIN || err == syscall.EINTR:
			return false
		case err != nil:
			failure = err
			return true
		case n == 0 || n == seen && closedBy(fd):
			failure = io.ErrUnexpectedEOF
			return true
		}
		seen = n
		header, length, failure = proxyprotocol.Parse(buf[:n])
		return failure != proxyprotocol.ErrIncomplete
	})
	if err = errors.Join(err, failure); err != nil {
		return err
	}
	if _, err := io.ReadFull(c.tcp, buf[:length]); err != nil {
		return err
	}
	if !header.Local {
		c.client, c.local = header.Source, header.Destination
	}
	return nil
}

// contains reports whether one of the networks has the address.
func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}
