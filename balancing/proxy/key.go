package proxy

import (
	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/pick"
)

// findKey sets what of the request its backend is chosen by, where its service has such an algorithm: a key, or where the client is.
func (x *exchange) findKey() {
	settings := &x.view.settings
	x.pick.Keyed, x.pick.Regions = false, x.pick.Regions[:0]
	if x.view.regions != nil {
		x.findRegions()
	}
	if !settings.Algorithm.Keyed() {
		return
	}
	name := settings.Hash.Key
	var key []byte
	found := false
	switch {
	case x.route == nil: // TCP
	case settings.Algorithm == headroom.HeaderHash:
		key, found = x.req.Field(name)
	case settings.Algorithm == headroom.CookieHash:
		key, found = x.req.Cookie(name)
	case settings.Algorithm == headroom.QueryHash:
		key, found = x.req.Query(name)
	}
	switch {
	case found && len(key) > 0:
		x.pick.Hash, x.pick.Keyed = pick.Hash(key), true
	case settings.Algorithm == headroom.IPHash || settings.Hash.Fallback == headroom.FallbackIP:
		x.pick.Hash, x.pick.Keyed = x.clientHash(), true
	}
}

// clientHash is the hash of the client's address: of IPv6 the first 64 bits, since a client changes the others as it likes (RFC 8981).
func (x *exchange) clientHash() uint64 {
	client := x.conn.client
	if x.route != nil {
		client = x.realClient()
	}
	addr := client.Addr().Unmap()
	if addr.Is4() {
		b := addr.As4()
		return pick.Hash(b[:])
	}
	b := addr.As16()
	return pick.Hash(b[:8])
}
