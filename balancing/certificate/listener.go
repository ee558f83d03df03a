package certificate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
)

// listener is the TLS of one address.
type listener struct {
	keeper   *Keeper
	sites    []*site      // in the order of the services
	byHost   names[*site] // by the hosts of the services
	fallback *site        // for clients that name no host of any service
	mu       sync.Mutex   // guards making a snapshot
	snapshot atomic.Pointer[snapshot]
}

// site is what a service makes of TLS: its certificates and its rules.
type site struct {
	service string
	hosts   []string // lower case
	tcp     bool     // bytes, no HTTP
	minimum uint16
	pairs   []*pair
	clients clientRule
	issuer  *issuer  // nil without ACME
	managed []string // hosts whose certificates are obtained
}

// whoSpeaksTLS reports whether the services of an address have TLS, which all have or none.
func whoSpeaksTLS(listen string, services []headroom.ServiceRoute) (bool, error) {
	with := slices.IndexFunc(services, func(s headroom.ServiceRoute) bool { return s.LoadBalancing.TLS.Enabled() })
	without := slices.IndexFunc(services, func(s headroom.ServiceRoute) bool { return !s.LoadBalancing.TLS.Enabled() })
	if with < 0 {
		return false, nil
	}
	if without < 0 {
		return true, nil
	}
	return false, &headroom.InvalidError{Field: "services." + services[without].Service + ".loadBalancing.tls",
		Expected: fmt.Sprintf("service %s has TLS on %s and service %s has not: give both certificates, or one of them another address",
			services[with].Service, listen, services[without].Service)}
}

func (k *Keeper) newListener(listen string, services []headroom.ServiceRoute) (*listener, error) {
	l := &listener{keeper: k, byHost: newNames[*site]()}
	var found []error
	for _, service := range services {
		s, errs := k.newSite(listen, service)
		found = append(found, errs...)
		if s == nil {
			continue
		}
		l.sites = append(l.sites, s)
		for _, host := range s.hosts {
			l.byHost.add(host, s)
		}
		if len(s.hosts) == 0 && (l.fallback == nil || len(l.fallback.hosts) > 0) {
			l.fallback = s
		}
	}
	if err := errors.Join(found...); err != nil {
		return nil, err
	}
	if l.fallback == nil {
		l.fallback = l.sites[0]
	}
	for _, s := range l.sites {
		k.next.rules[s.service] = s.clients
	}
	if _, err := l.at(time.Now()); err != nil {
		return nil, fmt.Errorf("prepare TLS for %s: %w", listen, err)
	}
	return l, nil
}

func (k *Keeper) newSite(listen string, service headroom.ServiceRoute) (*site, []error) {
	lb := service.LoadBalancing
	path := "services." + service.Service + ".loadBalancing.tls"
	s := &site{service: service.Service, tcp: lb.Protocol == headroom.ProtocolTCP}
	for _, host := range lb.Hosts {
		s.hosts = append(s.hosts, normal(host))
	}
	var found []error
	switch lb.TLS.MinVersion {
	case "", "1.2":
		s.minimum = tls.VersionTLS12
	case "1.3":
		s.minimum = tls.VersionTLS13
	default:
		found = append(found, invalid(path+".minVersion", lb.TLS.MinVersion, `must be "1.2" or "1.3"`))
	}
	for i, files := range lb.TLS.Certificates {
		p, err := k.namedPair(fmt.Sprintf("%s.certificates[%d]", path, i), pairFiles{files.Certificate, files.Key})
		if err != nil {
			found = append(found, err)
			continue
		}
		s.pairs = append(s.pairs, p)
	}
	var err error
	if s.clients, err = k.newClientRule(path+".clients", lb.TLS.Clients); err != nil {
		found = append(found, err)
	}
	if lb.TLS.ACME.Enabled {
		found = append(found, k.setIssuer(s, path, listen, lb)...)
	}
	if len(found) > 0 {
		return nil, found
	}
	return s, nil
}

// namedPair is the pair of two files that the configuration names at a path.
func (k *Keeper) namedPair(path string, files pairFiles) (*pair, error) {
	fields := [...]string{certificateFile: path + ".certificate", keyFile: path + ".key"}
	switch {
	case files.certificate == "":
		return nil, invalid(fields[certificateFile], "", `must name a PEM file, such as "shop.pem"`)
	case files.key == "":
		return nil, invalid(fields[keyFile], "", `must name a PEM file, such as "shop.key"`)
	}
	p, problem := k.pair(files)
	if problem != nil {
		return nil, invalid(fields[problem.index], problem.path, problem.err.Error())
	}
	return p, nil
}

func invalid(field, value, expected string) *headroom.InvalidError {
	if value != "" {
		value = strconv.Quote(value)
	}
	return &headroom.InvalidError{Field: field, Value: value, Expected: expected}
}

// realm is whose session tickets are worth something here: of the same hosts, and of clients under the same rule. A ticket carries over who
// the client is, so one that was got under other authorities must not do; and one of another host would let an attacker who can redirect
// connections have requests answered by the wrong service (Delignat-Lavaud and Bhargavan, "Network-based Origin Confusion Attacks", 2015).
func (s *site) realm() string {
	hosts := slices.Sorted(slices.Values(s.hosts))
	if len(hosts) == 0 {
		hosts = []string{"service " + s.service} // no host name has a space
	}
	return strings.Join(hosts, ",") + "\x00" + s.clients.realm()
}

// protocols are those that a client can choose from by ALPN.
func (s *site) protocols() []string {
	if s.tcp {
		return nil
	}
	return []string{"h2", "http/1.1"}
}
