package proxy

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/limit"
	"headroom.dev/headroom/balancing/limit/expression"
)

// limiter is one rate limit, compiled from its settings.
type limiter struct {
	name   string
	why    string // for the access log and answers
	rate   limit.Rate
	by     []keyPart
	except []netip.Prefix
	when   *expression.Program // nil: each request counts
	cost   *expression.Program // nil: as one
	refuse bool                // while it cannot be shared
	dryRun bool

	requests int64 // as clients are told, in
	period   time.Duration
	*tally
}

// tally is what a limiter has counted. It outlives changes of the limit's settings, as long as its keys mean the same.
type tally struct {
	service string
	keys    string        // what they mean
	table   *limit.Table  // of this balancer alone, or
	shared  *limit.Shared // of several
	most    limit.Most

	allowed, limited, fallback, unknown atomic.Uint64
	reported                            headroom.RateLimitCounts // under the server's lock
}

// keyPart is a part of what requests are counted apart by.
type keyPart struct {
	kind string // as in headroom.RateLimit.By, with the colon
	name string // of a field or a cookie
	key  *expression.Program
}

// limiting is all that limits the requests of a service; nil where nothing does.
type limiting struct {
	limiters []*limiter // all, as in the settings
	routes   []limited  // by edit.Route.Number
}

// limited is what limits the requests of one route.
type limited struct {
	limiters []*limiter
	policies []byte // RateLimit-Policy; empty where clients are not told
}

// newLimiting compiles the limits of a service. What was counted by those of the same name before is kept.
func (s *Server) newLimiting(service string, lb headroom.LoadBalancing, before *limiting) (*limiting, error) {
	field := "services." + service + ".loadBalancing"
	made := &limiting{}
	own, err := made.add(service, field, lb.RateLimits, before)
	if err != nil {
		return nil, err
	}
	silent := slices.ContainsFunc(lb.ResponseHeaders.Remove, func(name string) bool { return strings.EqualFold(name, "RateLimit") })
	made.routes = append(made.routes, newLimited(own, silent))
	for i, route := range lb.Routes {
		more, err := made.add(service, fmt.Sprintf("%s.routes[%d]", field, i), route.RateLimits, before)
		if err != nil {
			return nil, err
		}
		made.routes = append(made.routes, newLimited(slices.Concat(own, more), silent))
	}
	if len(made.limiters) == 0 {
		return nil, nil
	}
	return made, nil
}

func newLimited(limiters []*limiter, silent bool) limited {
	made := limited{limiters: limiters}
	var policies []limit.Policy
	for _, l := range limiters {
		if !l.dryRun {
			policies = append(policies, limit.Policy{Name: l.name, Requests: l.requests, Period: l.period, Burst: l.rate.Burst})
		}
	}
	if len(policies) > 0 && !silent {
		made.policies = limit.AppendPolicies(nil, policies)
	}
	return made
}

// add compiles a list of limits.
func (all *limiting) add(service, field string, settings []headroom.RateLimit, before *limiting) (list []*limiter, err error) {
	for i, s := range settings {
		l := &limiter{
			name: s.Name, why: "over the rate limit " + s.Name, rate: limit.Rate{Interval: int64(s.Interval()), Burst: int64(s.Most())},
			refuse: s.OnFailure == "refuse", dryRun: s.DryRun, requests: int64(s.Requests), period: time.Duration(s.Period),
		}
		if err := l.compile(s); err != nil {
			err.Field = fmt.Sprintf("%s.rateLimits[%d].%s", field, i, err.Field)
			return nil, err
		}
		l.tally = before.tallyOf(s)
		if l.tally == nil {
			keys := s.MaxKeys
			if slices.Equal(s.By, []string{headroom.LimitByAll}) {
				keys = 1
			}
			l.tally = &tally{service: service, keys: meaning(s)}
			if keys = cmp.Or(keys, 100_000); s.Shared {
				l.shared = limit.NewShared(keys)
			} else {
				l.table = limit.NewTable(keys)
			}
		}
		list, all.limiters = append(list, l), append(all.limiters, l)
	}
	return list, nil
}

// meaning is what the keys of a limit are made of, and how they are kept: where it stays the same what was counted of them goes on.
func meaning(s headroom.RateLimit) string {
	return fmt.Sprintf("%q %q %d %v", s.By, s.Key, s.MaxKeys, s.Shared)
}

func (all *limiting) tallyOf(s headroom.RateLimit) *tally {
	if all == nil {
		return nil
	}
	for _, l := range all.limiters {
		if l.name == s.Name && l.keys == meaning(s) {
			return l.tally
		}
	}
	return nil
}

// compile reads what of a limit is written in languages of their own.
func (l *limiter) compile(s headroom.RateLimit) *headroom.InvalidError {
	for i, text := range s.Except {
		network, err := parseNetwork(text)
		if err != nil {
			return &headroom.InvalidError{Field: fmt.Sprintf("except[%d]", i), Value: text, Expected: `expected networks or addresses, such as "10.0.0.0/8"`}
		}
		l.except = append(l.except, network)
	}
	programs := map[string]*expression.Program{}
	for _, e := range []struct {
		field, text string
		kind        expression.Kind
	}{{"key", s.Key, expression.Text}, {"when", s.When, expression.Condition}, {"cost", s.Cost, expression.Number}} {
		if e.text == "" {
			continue
		}
		program, err := expression.Compile(e.text, e.kind)
		if err != nil {
			return &headroom.InvalidError{Field: e.field, Value: e.text, Expected: err.Error()}
		}
		programs[e.field] = program
	}
	l.when, l.cost = programs["when"], programs["cost"]
	by := s.By
	if len(by) == 0 {
		by = []string{headroom.LimitByIP}
	}
	for _, text := range by {
		kind, name, named := strings.Cut(text, ":")
		if named {
			kind += ":"
		}
		l.by = append(l.by, keyPart{kind: kind, name: name, key: programs["key"]})
	}
	return nil
}

// CheckRateLimits says what is wrong with the expressions of a service's limits, which the configuration's own rules do not read.
func CheckRateLimits(path string, lb headroom.LoadBalancing) (errs []error) {
	each := func(path string, limits []headroom.RateLimit) {
		for i, settings := range limits {
			if err := (&limiter{}).compile(settings); err != nil {
				err.Field = fmt.Sprintf("%s.rateLimits[%d].%s", path, i, err.Field)
				errs = append(errs, err)
			}
		}
	}
	each(path, lb.RateLimits)
	for i, route := range lb.Routes {
		each(fmt.Sprintf("%s.routes[%d]", path, i), route.RateLimits)
	}
	return errs
}

// costOf is what a request counts as: 0 is nothing.
func (l *limiter) costOf(r expression.Request) int64 {
	if l.cost == nil {
		return 1
	}
	cost, ok := l.cost.Number(r)
	if !ok {
		return 1
	}
	return int64(math.Ceil(min(max(cost, 0), limit.MaxCost)))
}

// measure reports what was counted since the last measure, and the keys that were refused most in the last minute.
func (l *limiter) measure(now int64) headroom.RateLimitMeasurement {
	m := headroom.RateLimitMeasurement{Limit: l.name, DryRun: l.dryRun}
	was := &l.reported
	m.Counts = headroom.RateLimitCounts{
		Allowed: difference(l.allowed.Load(), &was.Allowed), Limited: difference(l.limited.Load(), &was.Limited),
		Fallback: difference(l.fallback.Load(), &was.Fallback), Unknown: difference(l.unknown.Load(), &was.Unknown),
		Crowded: difference(l.crowded(), &was.Crowded),
	}
	for _, key := range l.most.Take(now, mostShown) {
		m.Most = append(m.Most, headroom.LimitedKey{Key: key.Key, Limited: int64(key.Count)})
	}
	return m
}

func (l *limiter) crowded() uint64 {
	if l.shared != nil {
		return l.shared.Crowded()
	}
	return l.table.Crowded()
}

// share tells the ledger which limits there are. The lock is held.
func (s *Server) share() {
	if s.options.Ledger == nil {
		return
	}
	var joint []limit.Joint
	for _, name := range sortedNames(s.services) {
		limiting := s.services[name].view.Load().limiting
		if limiting == nil {
			continue
		}
		for _, l := range limiting.limiters {
			if l.shared != nil {
				joint = append(joint, limit.Joint{Name: name + ":" + l.name, Rate: l.rate, Shared: l.shared})
			}
		}
	}
	s.options.Ledger.Share(joint, func() int64 { return s.clock(time.Now()) })
}

// mostShown is how many of the keys that are refused most are reported.
const mostShown = 10

// clock is the time that limits are counted by: nanoseconds since the server was made, which no step of the system's clock changes.
func (s *Server) clock(now time.Time) int64 { return int64(now.Sub(s.made)) }

// hash is one that clients cannot foresee, so that nobody can have others counted with them.
func (s *Server) hash(key []byte) uint64 { return maphash.Bytes(s.seed, key) }
