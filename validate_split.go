package headroom

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// Validate says what is wrong with how requests are shared among variants, apart from which services there are.
func (s Split) Validate(path string) []error {
	found := &findings{}
	total, shows := 0, false
	seen := map[string]int{}
	for i, variant := range s.Variants {
		at := fmt.Sprintf("%s.variants[%d]", path, i)
		if variant.Service == "" {
			found.add(&InvalidError{Field: at + ".service", Expected: `must name a service, such as "shop-v2"`})
		}
		if first, twice := seen[variant.Service]; twice {
			found.add(&InvalidError{Field: at + ".service", Value: strconv.Quote(variant.Service),
				Expected: fmt.Sprintf("is also that of %s.variants[%d]: give it once, with the weight of both", path, first)})
		} else {
			seen[variant.Service] = i
		}
		found.add(validateValues(at+".headers", "header field", variant.Headers)...)
		found.add(validateValues(at+".cookies", "cookie", variant.Cookies)...)
		found.add(checkTags(at, variant)...)
		total += variant.Weight
		shows = shows || len(variant.Headers)+len(variant.Cookies) > 0
	}
	if len(s.Variants) > 0 && total == 0 && !shows {
		found.add(&InvalidError{Field: path + ".variants", Expected: "all have weight 0, so that nobody would get a request: give one of them a weight"})
	}
	switch {
	case s.By == SplitByHeader && !isToken(s.Name):
		found.add(&InvalidError{Field: path + ".name", Value: quoteUnlessEmpty(s.Name), Expected: `must be the header field that a user is known by, such as "X-User-Id"`})
	case s.By == SplitByCookie && s.Name != "" && !isToken(s.Name):
		found.add(&InvalidError{Field: path + ".name", Value: strconv.Quote(s.Name), Expected: `must be the name of a cookie, such as "headroom-split"`})
	case s.Name != "" && s.By != SplitByHeader && s.By != SplitByCookie:
		found.add(&InvalidError{Field: path + ".name", Value: strconv.Quote(s.Name),
			Expected: fmt.Sprintf("is the name of a cookie or a header field, and by is %q: set by to cookie or header, or remove the name", s.By)})
	}
	found.add(checkTags(path, s)...)
	return found.errors
}

// Validate says what is wrong with how requests are copied, apart from which services there are.
func (m Mirror) Validate(path string) []error { return checkTags(path, m) }

// validateLeading finds routes, variants and mirrors that lead to no service, or to one that takes no requests.
func (c Config) validateLeading() []error {
	found := &findings{}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		found.add(c.validateLeadingOf(name, c.Services[name].LoadBalancing)...)
	}
	return found.errors
}

func (c Config) validateLeadingOf(name string, balancing LoadBalancing) []error {
	found := &findings{}
	path := "services." + name + ".loadBalancing."
	check := func(field, to string) {
		service, there := c.Services[to]
		switch {
		case to == "":
		case !there:
			expected, names := "is not a service here", slices.Sorted(maps.Keys(c.Services))
			if near := Nearest(to, names); near != "" {
				expected += fmt.Sprintf("; did you mean %q?", near)
			}
			found.add(&InvalidError{Field: path + field, Value: strconv.Quote(to), Expected: expected + " There is: " + joinNames(names)})
		case service.LoadBalancing.Protocol == ProtocolTCP:
			found.add(&InvalidError{Field: path + field, Value: strconv.Quote(to), Expected: "is a service whose protocol is tcp: it takes connections, not requests"})
		}
	}
	for i, route := range balancing.Routes {
		check(fmt.Sprintf("routes[%d].service", i), route.Service)
		if route.Service != "" && route.Service != name && route.Priority != "" {
			found.add(&InvalidError{Field: fmt.Sprintf("%sroutes[%d].priority", path, i), Value: strconv.Quote(route.Priority),
				Expected: "has no effect where the route leads to another service, whose own overload.priorities.header names classes: remove it"})
		}
	}
	if own := balancing.RateLimits; !balancing.Listens() && len(own) > 0 && !reflect.DeepEqual(own, c.LoadBalancing.RateLimits) {
		found.add(&InvalidError{Field: path + "rateLimits", Expected: "have no effect where listen is none: those of the service count whose routes lead here, so put them there"})
	}
	for i, variant := range balancing.Split.Variants {
		check(fmt.Sprintf("split.variants[%d].service", i), variant.Service)
	}
	check("mirror.service", balancing.Mirror.Service)
	if balancing.Mirror.Service == name {
		found.add(&InvalidError{Field: path + "mirror.service", Value: strconv.Quote(name), Expected: "is this service itself, which would get each request twice: name another"})
	}
	if !balancing.Listens() && len(balancing.Hosts) > 0 && !slices.Equal(balancing.Hosts, c.LoadBalancing.Hosts) {
		found.add(&InvalidError{Field: path + "hosts", Expected: "has no effect where listen is none: remove it, or give an address to listen on"})
	}
	return found.errors
}
