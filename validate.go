package headroom

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Validate says everything that is wrong with the configuration: an [InvalidError] for each field, whose Field is the
// path as users write it ("services.shop.scaling.minReplicas"), at most one for a path. It returns nil where all is well.
func (c Config) Validate() []error {
	found := &findings{}
	found.add(c.API.Validate("api")...)
	found.add(c.State.Validate("state")...)
	found.add(c.Monitoring.Validate("monitoring")...)
	found.add(c.Redis.Validate("redis")...)
	if len(c.Services) == 0 {
		// Where there are services each may still mend what does not fit in the defaults, and is judged by itself.
		found.add(c.Scaling.Validate("scaling")...)
	}
	found.add(c.Scaling.validateAlone("scaling")...)
	found.add(c.LoadBalancing.Validate("loadBalancing")...)
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		path := "services." + name
		if !isDNSLabel(name) {
			found.add(&InvalidError{Field: path, Value: strconv.Quote(name),
				Expected: `must be a name of 1 to 63 lower-case letters, digits and dashes that begins and ends with a letter or digit, such as "shop"`})
		}
		found.add(c.Services[name].Validate(path)...)
		found.add(c.validateBalancing(name, c.Services[name].LoadBalancing)...)
	}
	found.add(c.validateLeading()...)
	found.add(c.validateSharing()...)
	found.add(c.validateListeners()...)
	found.add(c.validateBackendIDs()...)
	if c.Load != nil {
		found.add(c.Load.validate("load", slices.Sorted(maps.Keys(c.Services)))...)
	}
	found.add(checkTags("", c)...)
	return found.errors
}

// validateBalancing says what is wrong with how a service is balanced that shows only beside its other settings and those of all.
func (c Config) validateBalancing(name string, balancing LoadBalancing) []error {
	found := &findings{}
	path := "services." + name + ".loadBalancing"
	found.add(balancing.validateTLS(path, c.LoadBalancing)...)
	found.add(balancing.validateTCP(path, c.LoadBalancing)...)
	found.add(balancing.validateHealthCheck(path, c.LoadBalancing)...)
	found.add(balancing.validateAffinity(path)...)
	found.add(balancing.validateLimitsAlone(path, c.Redis)...)
	return found.errors
}

// Validate says what is wrong with where the API is served.
func (a API) Validate(path string) []error {
	return listenAddress(path+".listen", a.Listen)
}

// Validate says what is wrong with where the state is kept.
func (s State) Validate(path string) []error {
	found := &findings{}
	if s.Dir == "" {
		found.add(&InvalidError{Field: path + ".dir", Expected: `must name a directory, such as ".headroom"`})
	}
	found.add(positive(path+".retention", s.Retention, "30d")...)
	return found.errors
}

// Validate says what is wrong with how measurements are kept and with the alert rules.
func (m Monitoring) Validate(path string) []error {
	found := &findings{}
	found.add(positive(path+".retention", m.Retention, "24h")...)
	if m.MaxSize <= 0 {
		found.add(&InvalidError{Field: path + ".maxSize", Value: m.MaxSize.String(), Expected: `must be more than 0, such as "2GiB"`})
	}
	seen := map[string]int{}
	for i, rule := range m.Alerts {
		at := fmt.Sprintf("%s.alerts[%d]", path, i)
		found.add(rule.Validate(at)...)
		if first, twice := seen[rule.Name]; twice && rule.Name != "" {
			found.add(&InvalidError{Field: at + ".name", Value: strconv.Quote(rule.Name),
				Expected: fmt.Sprintf("is also the name of %s.alerts[%d]: names of alert rules must differ", path, first)})
			continue
		}
		seen[rule.Name] = i
	}
	return found.errors
}

// Validate says what is wrong with one alert rule; with an empty path the fields are named alone. Whether Expr is PromQL
// is for the monitor to say.
func (r AlertRule) Validate(path string) []error {
	found := &findings{}
	if strings.TrimSpace(r.Name) == "" {
		found.add(&InvalidError{Field: joinPath(path, "name"), Expected: `must be given, such as "HighErrorShare"`})
	}
	if strings.TrimSpace(r.Expr) == "" {
		found.add(&InvalidError{Field: joinPath(path, "expr"), Expected: `must be given, such as "headroom_requests_in_flight > 100"`})
	}
	found.add(checkTags(path, r)...)
	return found.errors
}

// Validate says what is wrong with one service: it needs Run or Backends.
func (s Service) Validate(path string) []error {
	found := &findings{}
	if s.Run == nil && len(s.Backends) == 0 {
		found.add(&InvalidError{Field: path,
			Expected: `needs "run", a command of which replicas are started, or "backends", a list of addresses, or both; such as: run: ./shop --port {{port}}`})
	}
	if s.Run != nil {
		found.add(s.Run.validate(path+".run", s.Scaling.MaxReplicas)...)
		found.add(s.Scaling.Validate(path + ".scaling")...)
	}
	found.add(s.validateBackends(path)...)
	found.add(s.LoadBalancing.Validate(path + ".loadBalancing")...)
	found.add(s.LoadBalancing.validateAlgorithm(path + ".loadBalancing")...)
	found.add(s.validatePlacement(path)...)
	found.add(s.Objective.Validate(path + ".objective")...)
	found.add(checkTags(path, s)...)
	return found.errors
}

func (s Service) validateBackends(path string) []error {
	found := &findings{}
	seen := map[string]int{}
	for i, backend := range s.Backends {
		at := fmt.Sprintf("%s.backends[%d]", path, i)
		found.add(backend.Validate(at)...)
		if first, twice := seen[backend.Address]; twice {
			found.add(&InvalidError{Field: at + ".address", Value: strconv.Quote(backend.Address),
				Expected: fmt.Sprintf("is also the address of %s.backends[%d]: give it once, with a weight", path, first)})
			continue
		}
		seen[backend.Address] = i
		if backend.Address != "" && backend.Address == s.LoadBalancing.Listen {
			found.add(&InvalidError{Field: at + ".address", Value: strconv.Quote(backend.Address),
				Expected: "is where this service itself listens: its requests would go round in a circle"})
		}
	}
	return found.errors
}

// Validate says what is wrong with one backend: an address of host and port, and a weight of 0 to 1000. With an empty path
// the fields are named alone.
func (b StaticBackend) Validate(path string) []error {
	found := &findings{}
	if b.Named() {
		found.add(b.validateName(path)...)
	} else if err := checkAddress(b.Address, 1); err != "" {
		found.add(&InvalidError{Field: joinPath(path, "address"), Value: quoteUnlessEmpty(b.Address),
			Expected: err + `; write host:port, such as "127.0.0.1:9001"`})
	}
	found.add(checkTags(path, b)...)
	return found.errors
}

// Validate says what is wrong with a change of a backend: a weight of 0 to 1000, a state that a person can ask for.
func (u BackendUpdate) Validate() []error { return checkTags("", u) }

func (r Run) validate(path string, maxReplicas int) []error {
	found := &findings{}
	found.add(r.Validate(path)...)
	if ports := r.Ports.Last - r.Ports.First + 1; r.Ports.First > 0 && ports < maxReplicas {
		found.add(&InvalidError{Field: path + ".ports", Value: strconv.Quote(r.Ports.String()),
			Expected: fmt.Sprintf("has %d ports, fewer than maxReplicas, which is %d: give a larger range, such as \"20000-29999\"", ports, maxReplicas)})
	}
	return found.errors
}

// Validate says what is wrong with a command of which replicas are started.
func (r Run) Validate(path string) []error {
	found := &findings{}
	if len(r.Command) == 0 || strings.TrimSpace(r.Command[0]) == "" {
		found.add(&InvalidError{Field: path + ".command", Expected: `must name a program, such as "./shop --port {{port}}"`})
	}
	for name := range r.Environment {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			found.add(&InvalidError{Field: path + ".environment." + name, Value: strconv.Quote(name),
				Expected: `cannot be the name of a variable: use letters, digits and underscores, such as "GOMAXPROCS"`})
		}
	}
	found.add(positive(path+".startTimeout", r.StartTimeout, "60s")...)
	return found.errors
}

// Validate says what is wrong with the promise to the users of a service.
func (o Objective) Validate(path string) []error {
	found := &findings{}
	found.add(positive(path+".window", o.Window, "30d")...)
	found.add(checkTags(path, o)...)
	return found.errors
}

func (l Load) validate(path string, services []string) []error {
	found := &findings{}
	if !slices.Contains(services, l.Service) {
		expected := "is not a service here"
		if near := Nearest(l.Service, services); near != "" {
			expected += fmt.Sprintf("; did you mean %q?", near)
		}
		if len(services) > 0 {
			expected += " There is: " + joinNames(services)
		}
		found.add(&InvalidError{Field: path + ".service", Value: strconv.Quote(l.Service), Expected: expected})
	}
	found.add(l.Validate(path)...)
	return found.errors
}

// Validate says what is wrong with traffic that headroom makes by itself, apart from which services there are.
func (l Load) Validate(path string) []error {
	found := &findings{}
	if strings.TrimSpace(l.Shape) == "" {
		found.add(&InvalidError{Field: path + ".shape", Expected: `must be given, such as "60s@40,60s@200,60s@40": seconds at so many requests per second`})
	}
	if !strings.HasPrefix(l.Path, "/") {
		found.add(&InvalidError{Field: path + ".path", Value: strconv.Quote(l.Path), Expected: `must begin with a slash, such as "/"`})
	}
	return found.errors
}

// validateListeners finds services that cannot be told apart, and listeners that are in each other's way.
func (c Config) validateListeners() []error {
	found := &findings{}
	type taken struct{ path, host string }
	byListener := map[string][]taken{}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		balancing := c.Services[name].LoadBalancing
		path := "services." + name + ".loadBalancing"
		if !balancing.Listens() {
			continue
		}
		if overlap(balancing.Listen, c.API.Listen) {
			found.add(&InvalidError{Field: path + ".listen", Value: strconv.Quote(balancing.Listen),
				Expected: fmt.Sprintf("is also where the API listens (api.listen is %q): give one of them another port", c.API.Listen)})
		}
		hosts := balancing.Hosts
		if len(hosts) == 0 {
			hosts = []string{""} // all that no other service has
		}
		for _, host := range hosts {
			host = strings.ToLower(host)
			others := byListener[balancing.Listen]
			at := slices.IndexFunc(others, func(other taken) bool { return other.host == host })
			if at >= 0 && others[at].path != path {
				found.add(&InvalidError{Field: path + ".listen", Value: strconv.Quote(balancing.Listen),
					Expected: sameListener(name, strings.Split(others[at].path, ".")[1], host)})
			}
			byListener[balancing.Listen] = append(others, taken{path, host})
		}
	}
	listeners := slices.Sorted(maps.Keys(byListener))
	for i, one := range listeners {
		for _, other := range listeners[:i] {
			if overlap(one, other) {
				found.add(&InvalidError{Field: byListener[one][0].path + ".listen", Value: strconv.Quote(one),
					Expected: fmt.Sprintf("is in the way of %s.listen, which is %q: give one of them another port", byListener[other][0].path, other)})
			}
		}
	}
	return found.errors
}

func sameListener(name, other, host string) string {
	if host == "" {
		return fmt.Sprintf("services %s and %s both listen there and neither has hosts: give each its own address, such as \"127.0.0.1:8081\", or its own hosts", other, name)
	}
	return fmt.Sprintf("services %s and %s both listen there and cannot be told apart by host %q: give each its own address, such as \"127.0.0.1:8081\", or its own hosts", other, name, host)
}

// overlap tells whether two listeners cannot be open at once: the same port, and the same host or one on every address.
// Port 0 is a free port of its own each time.
func overlap(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || isWildcard(hostA) || isWildcard(hostB)
}

func isWildcard(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
