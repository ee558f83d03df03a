package proxy

import (
	"math/rand/v2"
	"net/netip"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/affinity"
	"headroom.dev/headroom/balancing/h1"
)

// affinities is how a service keeps clients on their backends, compiled from its settings; nil where it does not.
type affinities struct {
	kind   headroom.AffinityType
	header string
	cookie *affinity.Cookie // with key, of that kind
	key    *affinity.Key
}

func newAffinities(service string, lb headroom.LoadBalancing, secret []byte) *affinities {
	settings := lb.SessionAffinity
	if !settings.Enabled {
		return nil
	}
	k := &affinities{kind: settings.Type, header: settings.Header}
	if k.kind != headroom.AffinityHeader && k.kind != headroom.AffinityIP {
		if settings.Key != "" {
			secret = []byte(settings.Key)
		}
		k.kind, k.key, k.cookie = headroom.AffinityCookie, affinity.NewKey(secret, service), affinity.NewCookie(service, settings.Cookie)
	}
	return k
}

// homes are where sessions can be: an immutable part of a view.
type homes struct {
	active int                       // how many of the view's backends there are homes of, the first ones
	byTag  map[affinity.Tag]*backend // also those that drain
	tags   map[*backend]affinity.Tag
	ring   *affinity.Rendezvous // of the candidates, by their index
	all    *affinity.Rendezvous // of candidates and, behind them, those that drain; nil where none does
	extra  []*backend           // that drain
}

// house makes the homes among the backends that get requests, and those that drain and keep their sessions for a while. The server's lock is
// held.
func (k *affinities) house(active, draining []member) *homes {
	if k == nil {
		return nil
	}
	h := &homes{active: len(active)}
	var members []affinity.Member
	for _, m := range active {
		members = append(members, affinity.Member{Name: m.backend.id, Weight: m.weight})
	}
	h.ring = affinity.NewRendezvous(members)
	for _, m := range draining {
		h.extra = append(h.extra, m.backend)
		members = append(members, affinity.Member{Name: m.backend.id, Weight: m.weight})
	}
	if k.kind != headroom.AffinityCookie {
		if len(draining) > 0 {
			h.all = affinity.NewRendezvous(members)
		}
		return h
	}
	h.byTag, h.tags = make(map[affinity.Tag]*backend, len(members)), make(map[*backend]affinity.Tag, len(members))
	for _, list := range [][]member{active, draining} {
		for _, m := range list {
			tag := k.key.Tag(m.backend.id)
			h.byTag[tag], h.tags[m.backend] = m.backend, tag
		}
	}
	return h
}

// session is what a request shows of the session that it belongs to.
type session struct {
	known bool           // there is one
	tls   bool           // the client used TLS
	given bool           // a cookie of the name came, ours or not, which backends must not get
	tag   affinity.Tag   // of its backend, by its cookie
	nonce affinity.Nonce // of its cookie
	hash  uint64         // that leads it to a backend, where it has none
}

// findSession reads the session of the request in req, or of a TCP connection, which has no request.
func (x *exchange) findSession() {
	k := x.view.affinity
	if k == nil {
		return
	}
	switch k.kind {
	case headroom.AffinityIP:
		owner := ownerOf(x.clientAddress().Unmap()).As16()
		x.session.known, x.session.hash = true, affinity.Hash(owner[:])
	case headroom.AffinityHeader:
		if value, _ := x.req.Field(k.header); len(value) > 0 {
			x.session.known, x.session.hash = true, affinity.Hash(value)
		}
	default:
		x.session.tls = x.believed(h1.XForwardedProto, x.conn.scheme) == "https"
		value, found := x.req.Cookie(k.cookie.Name())
		if !found {
			return
		}
		s := &x.session
		s.given = true
		if s.tag, s.nonce, s.known = k.key.Open(value); s.known {
			s.hash = affinity.Hash(s.nonce[:]) // sessions of a lost backend spread over the others, each request of one to the same
		}
	}
}

// clientAddress is who the client is, behind proxies that are trusted. A TCP connection has no request that tells more.
func (x *exchange) clientAddress() netip.Addr {
	if x.client == nil {
		return x.conn.client.Addr()
	}
	return x.realClient().Addr()
}

// stay takes a place on the backend of the request's session, or, where that is lost, on the one that all requests of the session go to then. It
// returns nil where there is no session, or where it can stay nowhere. Candidates that refuse are excluded.
func (x *exchange) stay() *backend {
	v := x.view
	if !x.session.known || v.homes == nil {
		return nil
	}
	if b := x.home(v); b != nil && !x.wasTried(b) && x.enter(b) {
		return b
	}
	for {
		i := v.homes.ring.Pick(x.session.hash, &x.pick.Excluded)
		if i < 0 {
			return nil
		}
		if x.enter(v.backends[i]) {
			return v.backends[i]
		}
		x.pick.Excluded.Add(i)
	}
}

// home is the backend that has the session, if it is there; also one that drains.
func (x *exchange) home(v *view) *backend {
	if v.homes.byTag != nil {
		return v.homes.byTag[x.session.tag]
	}
	if v.homes.all == nil {
		return nil // the ring finds it
	}
	if i := v.homes.all.Pick(x.session.hash, nil) - v.homes.active; i >= 0 {
		return v.homes.extra[i]
	}
	return nil
}

func (x *exchange) wasTried(b *backend) bool {
	for _, tried := range x.tried[:x.attempts] {
		if tried == b {
			return true
		}
	}
	return false
}

// appendSession appends the cookie that brings the client back to the backend which has answered, unless it has that one.
func (x *exchange) appendSession(dst []byte) []byte {
	k := x.view.affinity
	if k == nil || k.cookie == nil {
		return dst
	}
	tag, here := x.view.homes.tags[x.lastTried()]
	if !here || x.session.known && x.session.tag == tag {
		return dst
	}
	if !x.session.known {
		n := rand.Uint64()
		for i := range x.session.nonce {
			x.session.nonce[i] = byte(n >> (8 * i))
		}
	}
	return k.cookie.AppendField(dst, k.key, tag, x.session.nonce, x.session.tls)
}

// appendCookies appends the client's cookies without the one that is ours.
func (x *exchange) appendCookies(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, "Cookie: "...)
	begin := len(dst)
	x.scratch = x.req.AppendJoined(x.scratch[:0], h1.Cookie, "; ")
	if dst = x.view.affinity.cookie.AppendWithout(dst, x.scratch); len(dst) == begin {
		return dst[:start]
	}
	return append(dst, "\r\n"...)
}
