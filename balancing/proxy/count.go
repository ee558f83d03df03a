package proxy

import (
	"net/netip"
	"sync/atomic"

	"headroom.dev/headroom"
)

// counts are of one listener. They only grow, and Measure takes differences.
type counts struct {
	accepted, refused                                   atomic.Uint64
	fullHandshakes, resumedHandshakes, failedHandshakes atomic.Uint64
	http10, http11, http2, malformed                    atomic.Uint64
	tunnels                                             atomic.Int64
}

// counted is what of a listener's counts was reported already. It belongs to Measure, under the server's lock.
type counted struct{ accepted, refused, full, resumed, failed, http10, http11, http2, malformed uint64 }

// measure reports what was counted since the last measure.
func (l *listener) measure() headroom.ListenerMeasurement {
	c, was := &l.counts, &l.counted
	l.mu.Lock()
	open := int64(len(l.conns))
	l.mu.Unlock()
	return headroom.ListenerMeasurement{
		Listen: l.address, Connections: open, Tunnels: c.tunnels.Load(),
		Accepted: difference(c.accepted.Load(), &was.accepted), Refused: difference(c.refused.Load(), &was.refused),
		Handshakes: headroom.Handshakes{
			Full: difference(c.fullHandshakes.Load(), &was.full), Resumed: difference(c.resumedHandshakes.Load(), &was.resumed),
			Failed: difference(c.failedHandshakes.Load(), &was.failed),
		},
		HTTP10: difference(c.http10.Load(), &was.http10), HTTP11: difference(c.http11.Load(), &was.http11),
		HTTP2: difference(c.http2.Load(), &was.http2), Malformed: difference(c.malformed.Load(), &was.malformed),
	}
}

// count takes a place for a connection among those of its client, and reports whether there was one.
func (l *listener) count(c *clientConn, limit int) bool {
	owner := ownerOf(c.client.Addr())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perClient[owner] >= limit {
		return false
	}
	l.perClient[owner]++
	c.counted = owner
	return true
}

// uncount gives the place back.
func (l *listener) uncount(c *clientConn) {
	if !c.counted.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.perClient[c.counted]--
	if l.perClient[c.counted] == 0 {
		delete(l.perClient, c.counted)
	}
	c.counted = netip.Addr{}
}

// ownerOf is who an address counts for: itself, or of IPv6 its /64, of which one host has all addresses (RFC 6177).
func ownerOf(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return addr
	}
	network, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return addr
	}
	return network.Addr()
}
