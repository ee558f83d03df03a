package headroom

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// fastestLimit is the least time of one request: limits are counted in nanoseconds, and of 1 µs a rounded one is 0.1 %.
	fastestLimit = time.Microsecond
	// longestLimit bounds the time of a burst, so that a key's time fits in 63 bits of nanoseconds whatever it costs.
	longestLimit = 366 * 24 * time.Hour
)

// Validate says what is wrong with one limit, but for its expressions, which the balancer reads.
func (r RateLimit) Validate(path string) []error {
	found := &findings{}
	if !isDNSLabel(r.Name) {
		found.add(&InvalidError{Field: path + ".name", Value: quoteUnlessEmpty(r.Name),
			Expected: `must be a name of 1 to 63 lower-case letters, digits and dashes, such as "per-client"`})
	}
	found.add(positive(path+".period", r.Period, "1m")...)
	found.add(checkTags(path, r)...)
	if len(found.errors) > 0 {
		return found.errors
	}
	if r.Interval() < fastestLimit {
		found.add(&InvalidError{Field: path + ".requests", Value: strconv.Itoa(r.Requests), Expected: "must be at most 1,000,000 a second"})
	}
	if r.Interval() > longestLimit/time.Duration(r.Most()) {
		found.add(&InvalidError{Field: path + ".burst", Value: strconv.Itoa(r.Most()), Expected: "must come in at most 366d at the rate of requests and period"})
	}
	found.add(r.validateBy(path)...)
	for i, network := range r.Except {
		if _, err := netip.ParsePrefix(network); err == nil {
			continue
		}
		if _, err := netip.ParseAddr(network); err != nil {
			found.add(&InvalidError{Field: fmt.Sprintf("%s.except[%d]", path, i), Value: strconv.Quote(network), Expected: `must be a network or an address, such as "10.0.0.0/8"`})
		}
	}
	return found.errors
}

func (r RateLimit) validateBy(path string) []error {
	found := &findings{}
	for i, by := range r.By {
		at := fmt.Sprintf("%s.by[%d]", path, i)
		header, isHeader := strings.CutPrefix(by, LimitByHeader)
		cookie, isCookie := strings.CutPrefix(by, LimitByCookie)
		plain := []string{LimitByIP, LimitByRoute, LimitByExpression, LimitByAll}
		switch {
		case isHeader && !isToken(header), isCookie && !isToken(cookie):
			found.add(&InvalidError{Field: at, Value: strconv.Quote(by), Expected: `must name a header field or cookie after the colon, such as "header:X-Api-Key"`})
		case by == LimitByAll && len(r.By) > 1:
			found.add(&InvalidError{Field: at, Value: strconv.Quote(by), Expected: "must stand alone, since it tells nothing apart"})
		case !isHeader && !isCookie && !slices.Contains(plain, by):
			expected := "must be one of ip, route, header:NAME, cookie:NAME, expression, all"
			if near := Nearest(by, plain); near != "" {
				expected = fmt.Sprintf("did you mean %q? It %s", near, expected)
			}
			found.add(&InvalidError{Field: at, Value: strconv.Quote(by), Expected: expected})
		case slices.Contains(r.By[:i], by):
			found.add(&InvalidError{Field: at, Value: strconv.Quote(by), Expected: "is given twice"})
		}
	}
	switch byExpression := slices.Contains(r.By, LimitByExpression); {
	case byExpression && r.Key == "":
		found.add(&InvalidError{Field: path + ".key", Expected: `must be given where by has expression, such as "request.path.split('/')[1]"`})
	case !byExpression && r.Key != "":
		found.add(&InvalidError{Field: path + ".key", Value: strconv.Quote(r.Key), Expected: "is used by nothing: add expression to by, or remove it"})
	}
	return found.errors
}

// validateRateLimits says what is wrong with the limits of a service and its routes, and which names are given twice.
func (l LoadBalancing) validateRateLimits(path string) []error {
	found := &findings{}
	seen := map[string]string{}
	each := func(path string, limits []RateLimit) {
		for i, limit := range limits {
			at := fmt.Sprintf("%s.rateLimits[%d]", path, i)
			found.add(limit.Validate(at)...)
			if first, twice := seen[limit.Name]; twice {
				found.add(&InvalidError{Field: at + ".name", Value: strconv.Quote(limit.Name), Expected: fmt.Sprintf("is also the name of %s: names of limits of a service must differ", first)})
			}
			seen[limit.Name] = at
		}
	}
	each(path, l.RateLimits)
	for i, route := range l.Routes {
		each(fmt.Sprintf("%s.routes[%d]", path, i), route.RateLimits)
	}
	return found.errors
}

// validateLimitsAlone finds limits that a service cannot have: of TCP but by address, and shared without Redis.
func (l LoadBalancing) validateLimitsAlone(path string, redis Redis) []error {
	found := &findings{}
	each := func(path string, limits []RateLimit) {
		for i, limit := range limits {
			at := fmt.Sprintf("%s.rateLimits[%d]", path, i)
			if limit.Shared && redis.Address == "" {
				found.add(&InvalidError{Field: at + ".shared", Value: "true", Expected: `needs redis.address, such as "127.0.0.1:6379"`})
			}
			if l.Protocol != ProtocolTCP {
				continue
			}
			if limit.Key+limit.When+limit.Cost != "" || len(limit.By) > 0 && !slices.Equal(limit.By, []string{LimitByIP}) && !slices.Equal(limit.By, []string{LimitByAll}) {
				found.add(&InvalidError{Field: at + ".by", Expected: "can be ip or all where protocol is tcp, whose connections are counted and not read"})
			}
		}
	}
	each(path, l.RateLimits)
	for i, route := range l.Routes {
		each(fmt.Sprintf("%s.routes[%d]", path, i), route.RateLimits)
	}
	return found.errors
}

// Validate says what is wrong with where shared limits are counted.
func (r Redis) Validate(path string) []error {
	found := &findings{}
	if r.Address != "" {
		if wrong := checkAddress(r.Address, 1); wrong != "" {
			found.add(&InvalidError{Field: path + ".address", Value: strconv.Quote(r.Address), Expected: wrong + `; write host:port, such as "127.0.0.1:6379"`})
		}
	}
	if !isToken(r.Prefix) && r.Prefix != "" {
		found.add(&InvalidError{Field: path + ".prefix", Value: strconv.Quote(r.Prefix), Expected: `must be letters, digits and dashes, such as "headroom"`})
	}
	if r.CA != "" && !r.TLS {
		found.add(&InvalidError{Field: path + ".ca", Value: strconv.Quote(r.CA), Expected: "is used with tls: true alone"})
	}
	found.add(checkTags(path, r)...)
	return found.errors
}
