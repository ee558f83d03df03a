package headroom

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Validate says what is wrong with where a service listens and how its requests are spread.
func (l LoadBalancing) Validate(path string) []error {
	found := &findings{}
	if l.Listens() {
		found.add(listenAddress(path+".listen", l.Listen)...)
	}
	found.add(validateHosts(path+".hosts", l.Hosts)...)
	found.add(l.Hold.Validate(path + ".hold")...)
	found.add(l.Split.Validate(path + ".split")...)
	found.add(l.Mirror.Validate(path + ".mirror")...)
	found.add(l.HealthCheck.Validate(path + ".healthCheck")...)
	found.add(l.SessionAffinity.Validate(path + ".sessionAffinity")...)
	found.add(l.CircuitBreaker.Validate(path + ".circuitBreaker")...)
	found.add(l.Outliers.Validate(path + ".outlierDetection")...)
	found.add(l.SlowStart.Validate(path + ".slowStart")...)
	found.add(l.Retries.Validate(path + ".retries")...)
	found.add(l.Hedging.Validate(path + ".hedging")...)
	found.add(l.Overload.Validate(path + ".overload")...)
	found.add(l.validatePriorities(path)...)
	found.add(l.Timeouts.Validate(path + ".timeouts")...)
	found.add(l.TLS.Validate(path + ".tls")...)
	found.add(l.BackendTLS.Validate(path + ".backendTLS")...)
	found.add(validateTrustedProxies(path+".trustedProxies", l.TrustedProxies)...)
	found.add(l.Limits.Validate(path + ".limits")...)
	found.add(l.RequestHeaders.Validate(path+".requestHeaders", true)...)
	found.add(l.ResponseHeaders.Validate(path+".responseHeaders", false)...)
	found.add(validateRoutes(path+".routes", l.Routes)...)
	found.add(l.validateRateLimits(path)...)
	found.add(l.Compression.Validate(path + ".compression")...)
	found.add(validateErrorPages(path+".errorPages", l.ErrorPages)...)
	found.add(checkTags(path, l)...)
	return found.errors
}

// validateHosts holds hosts to names and to wildcards for all that is below a name, each given once.
func validateHosts(path string, hosts []string) []error {
	found := &findings{}
	seen := map[string]bool{}
	for i, host := range hosts {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !isHostName(strings.TrimPrefix(host, "*.")) {
			found.add(&InvalidError{Field: at, Value: strconv.Quote(host),
				Expected: `must be a host name without port, such as "shop.example.com", or "*.example.com" for all below example.com`})
			continue
		}
		if seen[strings.ToLower(host)] {
			found.add(&InvalidError{Field: at, Value: strconv.Quote(host), Expected: "is given twice"})
		}
		seen[strings.ToLower(host)] = true
	}
	return found.errors
}

// Validate says what is wrong with how backends are checked.
func (h HealthCheck) Validate(path string) []error {
	found := &findings{}
	found.add(positive(path+".interval", h.Interval, "5s")...)
	found.add(positive(path+".timeout", h.Timeout, "2s")...)
	if !strings.HasPrefix(h.Path, "/") || strings.ContainsAny(h.Path, " \t\r\n") {
		found.add(&InvalidError{Field: path + ".path", Value: strconv.Quote(h.Path),
			Expected: `must begin with a slash and hold no spaces, such as "/health"`})
	}
	found.add(h.validateConditions(path)...)
	found.add(checkTags(path, h)...)
	return found.errors
}

// validateHealthCheck finds a path that a service gives in vain, since its backends are only connected to: who gives one means to have it
// asked. general has the defaults of all services.
func (l LoadBalancing) validateHealthCheck(path string, general LoadBalancing) []error {
	check := l.HealthCheck
	automatic := check.Type == HealthCheckAuto && l.Protocol == ProtocolTCP
	if (check.Type != HealthCheckTCP && !automatic) || check.Path == general.HealthCheck.Path {
		return nil
	}
	why := "healthCheck.type is tcp, which only connects"
	if automatic {
		why = "protocol is tcp, for which the check only connects unless healthCheck.type is given"
	}
	return []error{&InvalidError{Field: path + ".healthCheck.path", Value: strconv.Quote(check.Path),
		Expected: "is asked of nobody: " + why + ": set healthCheck.type to http or grpc, or remove the path"}}
}

// Validate says what is wrong with when a failing backend is left alone.
func (b CircuitBreaker) Validate(path string) []error {
	found := &findings{}
	found.add(positive(path+".recoveryTimeout", b.RecoveryTimeout, "30s")...)
	if b.MaxRecoveryTimeout != 0 {
		found.add(between(path+".maxRecoveryTimeout", b.MaxRecoveryTimeout, time.Duration(b.RecoveryTimeout), 365*24*time.Hour)...)
	}
	found.add(checkTags(path, b)...)
	return found.errors
}

// Validate says which timeouts would let nothing through.
func (t Timeouts) Validate(path string) []error {
	found := &findings{}
	found.add(positive(path+".connect", t.Connect, "1s")...)
	found.add(positive(path+".response", t.Response, "60s")...)
	found.add(positive(path+".header", t.Header, "10s")...)
	found.add(positive(path+".idle", t.Idle, "60s")...)
	found.add(positive(path+".tunnel", t.Tunnel, "1h")...)
	return found.errors
}

// validateBackendIDs finds backends whose ID another backend has or a replica may come to have: IDs are made of the name
// of the service and the address, so backend eu:80 of shop has that of the 80th replica of shop-eu.
func (c Config) validateBackendIDs() []error {
	found := &findings{}
	owners := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		for i, backend := range c.Services[name].Backends {
			id := StaticBackendID(name, backend.Address)
			other, taken := owners[id]
			if !taken {
				other, taken = c.replicaOwner(id)
			}
			if taken && other != name {
				found.add(&InvalidError{Field: fmt.Sprintf("services.%s.backends[%d].address", name, i), Value: strconv.Quote(backend.Address),
					Expected: fmt.Sprintf("would have the ID %s, which service %s may give to a backend, too: rename one of the services", id, other)})
			}
			owners[id] = name
		}
	}
	return found.errors
}

// replicaOwner is the service of which a replica may have an ID, if there is one.
func (c Config) replicaOwner(id string) (service string, taken bool) {
	dash := strings.LastIndexByte(id, '-')
	if dash < 0 {
		return "", false
	}
	if _, err := strconv.ParseUint(id[dash+1:], 10, 64); err != nil {
		return "", false
	}
	return id[:dash], c.Services[id[:dash]].Run != nil
}
