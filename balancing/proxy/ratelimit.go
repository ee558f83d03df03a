package proxy

import (
	"crypto/sha256"
	"net/netip"
	"strings"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/affinity"
	"headroom.dev/headroom/balancing/edit"
	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/limit"
)

// standing is how a request stands with the limits that it has met.
type standing struct {
	limiter  *limiter // the one that refused it, else the one with the least left; nil for none
	verdict  limit.Verdict
	policies []byte
	would    string // why a limit would have refused it that only counts (dryRun), for the access log; empty for none
}

// admitByRate counts the request against its limits, and answers one that is over one of them.
func (x *exchange) admitByRate() (refused bool) {
	rules := &x.door.limiting.routes[x.route.Number]
	if len(rules.limiters) == 0 {
		return false
	}
	x.limits.policies = rules.policies
	if !x.withinRates(rules.limiters) {
		if x.limits.verdict.Unknown {
			x.why = "the rate limit " + x.limits.limiter.name + " cannot be counted: Redis is away"
			x.answer(503, x.why)
			return true
		}
		x.why = x.limits.limiter.why
		x.answer(429, x.why)
		return true
	}
	return false
}

// withinRates counts a request, or a TCP connection, against all limits or, if it is over one of them, against none. Only between two that come
// at the same instant it may happen that one which is refused has counted.
func (x *exchange) withinRates(limiters []*limiter) bool {
	s := x.conn.server
	now := s.clock(x.began)
	address := x.clientAddress()
	if len(limiters) > 1 {
		for _, l := range limiters {
			if l.dryRun {
				continue
			}
			if v, counts := l.try(x, address, now, true); counts && !v.Allowed {
				x.over(l, v, address)
				return false
			}
		}
	}
	for _, l := range limiters {
		v, counts := l.try(x, address, now, false)
		if !counts {
			continue
		}
		if v.Fallback {
			l.fallback.Add(1)
		}
		switch {
		case v.Allowed:
			l.allowed.Add(1)
		case l.dryRun:
			l.limited.Add(1)
			x.noteMost(l, address)
			x.limits.would = "would be " + l.why
		default:
			x.over(l, v, address)
			return false
		}
		if held := &x.limits; !l.dryRun && (held.limiter == nil || v.Remaining < held.verdict.Remaining) {
			held.limiter, held.verdict = l, v
		}
	}
	return true
}

// over notes that a request is refused.
func (x *exchange) over(l *limiter, v limit.Verdict, address netip.Addr) {
	x.limits.limiter, x.limits.verdict = l, v
	if v.Unknown {
		l.unknown.Add(1)
		return
	}
	l.limited.Add(1)
	x.noteMost(l, address)
}

// try asks one limit; counts is false where the request is none of its.
func (l *limiter) try(x *exchange, address netip.Addr, now int64, look bool) (v limit.Verdict, counts bool) {
	if len(l.except) > 0 && contains(l.except, address.Unmap()) {
		return v, false
	}
	if l.when != nil && !l.when.True(evaluated{x}) {
		return v, false
	}
	cost := l.costOf(evaluated{x})
	x.limitKey = x.appendLimitKey(x.limitKey[:0], l, address)
	key := x.conn.server.hash(x.limitKey)
	switch {
	case l.shared != nil && l.refuse && l.shared.Away():
		return limit.Verdict{Unknown: true}, true
	case l.shared != nil:
		return l.shared.Take(l.rate, key, func() limit.ID { return identify(x.limitKey) }, now, cost, look), true
	case look:
		return l.table.Look(l.rate, key, now, cost), true
	}
	return l.table.Take(l.rate, key, now, cost), true
}

// identify names a key among balancers, which have no hash in common.
func identify(key []byte) limit.ID {
	sum := sha256.Sum256(key)
	return limit.ID(sum[:len(limit.ID{})])
}

// appendLimitKey appends what the request is counted apart by: for each part its length and bytes, so that no two keys are the same by chance.
// A request without the field or the cookie counts with all others that have none: leaving it out must not be a way around the limit.
func (x *exchange) appendLimitKey(dst []byte, l *limiter, address netip.Addr) []byte {
	for i := range l.by {
		at := len(dst)
		dst = append(dst, 0, 0, 0)
		switch p := &l.by[i]; p.kind {
		case headroom.LimitByIP:
			owner := ownerOf(address.Unmap()).As16()
			dst = append(dst, owner[:]...)
		case headroom.LimitByRoute:
			dst = append(dst, byte(x.route.Number), byte(x.route.Number>>8))
		case headroom.LimitByHeader:
			value, _ := x.req.Field(p.name)
			dst = append(dst, value...)
		case headroom.LimitByCookie:
			value, _ := x.req.Cookie(p.name)
			dst = append(dst, value...)
		case headroom.LimitByExpression:
			dst = append(dst, p.key.Text(evaluated{x})...)
		}
		n := len(dst) - at - 3
		dst[at], dst[at+1], dst[at+2] = byte(n), byte(n>>8), byte(n>>16)
	}
	return dst
}

// noteMost counts a refusal for the list of keys that are refused most. An address is named, as in the access log; the values of fields, cookies and
// expressions may be secrets, so they are named by the first digits of their SHA-256.
func (x *exchange) noteMost(l *limiter, address netip.Addr) {
	var room [128]byte
	label := room[:0]
	for i := range l.by {
		p := &l.by[i]
		if i > 0 {
			label = append(label, ' ')
		}
		switch p.kind {
		case headroom.LimitByIP:
			owner := ownerOf(address.Unmap())
			if label = owner.AppendTo(label); owner.Is6() {
				label = append(label, "/64"...)
			}
		case headroom.LimitByRoute:
			label = append(label, x.route.Path...)
		case headroom.LimitByHeader:
			value, _ := x.req.Field(p.name)
			label = appendHidden(append(label, p.name...), value)
		case headroom.LimitByCookie:
			value, _ := x.req.Cookie(p.name)
			label = appendHidden(append(label, p.name...), value)
		case headroom.LimitByExpression:
			label = appendHidden(append(label, "key"...), []byte(p.key.Text(evaluated{x})))
		default:
			label = append(label, p.kind...)
		}
	}
	l.most.Note(affinity.Hash(label), label)
}

func appendHidden(dst, value []byte) []byte {
	if len(value) == 0 {
		return append(dst, "=(none)"...)
	}
	sum := sha256.Sum256(value)
	dst = append(dst, "=sha256:"...)
	for _, b := range sum[:4] {
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return dst
}

// appendLimits appends what the client is told of its limits.
func (x *exchange) appendLimits(dst []byte) []byte {
	held := &x.limits
	if held.limiter == nil {
		return dst
	}
	if !held.verdict.Allowed && held.verdict.Retry > 0 {
		dst = limit.AppendRetry(dst, held.verdict.Retry)
	}
	if len(held.policies) == 0 || held.verdict.Unknown {
		return dst
	}
	return limit.AppendStanding(append(dst, held.policies...), held.limiter.name, held.verdict)
}

// evaluated is a request as expressions see it.
type evaluated struct{ x *exchange }

func (e evaluated) Method() string { return string(e.x.req.MethodName()) }

// Path is that by which routes are found, so that a path which is spelled in another way is no way around a limit.
func (e evaluated) Path() string {
	return string(edit.NormalPath(e.x.req.Target(), &e.x.target))
}

func (e evaluated) Query() string {
	_, query, _ := strings.Cut(string(e.x.req.Target()), "?")
	return query
}

func (e evaluated) Host() string {
	var room [256]byte
	return string(h1.HostName(e.x.req.Host(), &room))
}

func (e evaluated) ClientIP() string { return e.x.clientAddress().Unmap().String() }

func (e evaluated) Headers() map[string]string {
	fields := map[string]string{}
	e.x.req.Each(func(name, value []byte) {
		lower := strings.ToLower(string(name))
		if _, there := fields[lower]; !there {
			fields[lower] = string(value)
		}
	})
	return fields
}
