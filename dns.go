package headroom

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"
)

// DNS says how a backend whose address is a name is resolved.
type DNS struct {
	Refresh    Duration `json:"refresh" default:"10s" doc:"the name is asked for again after this long, give or take a tenth" example:"30s"`
	AllowEmpty bool     `json:"allowEmpty,omitempty" doc:"an answer without addresses takes all of them away; otherwise the last good answer stays" example:"true"`
	Resolver   string   `json:"resolver,omitempty" doc:"DNS server to ask; default those of the system" example:"10.0.0.2:53"`
}

// What begins the address of a backend that is a name.
const (
	addressDNS = "dns://" // dns://HOST:PORT: each address of the host, A and AAAA
	addressSRV = "srv://" // srv://NAME: each target of its SRV records
)

// Resolved is one backend that a name stands for.
type Resolved struct {
	Address  string `json:"address"`  // host:port
	Weight   int    `json:"weight"`   // 0 where the name says nothing of it
	Priority int    `json:"priority"` // 0 is asked first
}

// Named reports whether the address is a name that is resolved while headroom runs.
func (b StaticBackend) Named() bool {
	return strings.HasPrefix(b.Address, addressDNS) || strings.HasPrefix(b.Address, addressSRV)
}

// Lookup is what to ask DNS for: the SRV records of a name, or the addresses of a host with a port.
func (b StaticBackend) Lookup() (name, port string, srv bool) {
	if name, srv = strings.CutPrefix(b.Address, addressSRV); srv {
		return name, "", true
	}
	name, port, _ = net.SplitHostPort(strings.TrimPrefix(b.Address, addressDNS))
	return name, port, false
}

// Resolve is what the name stands for as backends of a service.
func (b StaticBackend) Resolve(service string, all []Resolved) []Backend {
	backends := make([]Backend, 0, len(all))
	for _, one := range all {
		made := StaticBackend{Address: one.Address, Weight: b.Weight, Placement: b.Placement}
		if one.Weight > 0 {
			made.Weight = one.Weight
		}
		made.Priority = min(made.Priority+one.Priority, 7)
		backend := made.Backend(service)
		backend.Source = SourceDNS
		backends = append(backends, backend)
	}
	return backends
}

// FromSRV turns what SRV records say (RFC 2782) into ours: priorities into ranks, since only their order counts, and weights of up to 65535 into 1 to
// 1000. A weight of 0, which gets a very small share there, is 1 here.
func FromSRV(all []Resolved) []Resolved {
	all = slices.Clone(all)
	most, priorities := 0, []int{}
	for _, one := range all {
		most = max(most, one.Weight)
		priorities = append(priorities, one.Priority)
	}
	slices.Sort(priorities)
	priorities = slices.Compact(priorities)
	for i := range all {
		if most > 1000 {
			all[i].Weight = all[i].Weight * 1000 / most
		}
		all[i].Weight = max(all[i].Weight, 1)
		all[i].Priority = min(slices.Index(priorities, all[i].Priority), 7)
	}
	slices.SortFunc(all, func(a, b Resolved) int { return cmp.Compare(a.Address, b.Address) })
	return slices.CompactFunc(all, func(a, b Resolved) bool { return a.Address == b.Address })
}

// validateName says what is wrong with an address that is a name.
func (b StaticBackend) validateName(path string) []error {
	found := &findings{}
	wrong := func(expected string) {
		found.add(&InvalidError{Field: joinPath(path, "address"), Value: strconv.Quote(b.Address), Expected: expected})
	}
	if name, _, srv := b.Lookup(); srv {
		if !isHostName(strings.TrimSuffix(name, ".")) {
			wrong(`must have the name of SRV records and no port, such as "srv://_http._tcp.shop.internal"`)
		}
	} else {
		address := strings.TrimPrefix(b.Address, addressDNS)
		if err := checkAddress(strings.Replace(address, ".:", ":", 1), 1); err != "" {
			wrong(err + `; write dns://HOST:PORT, such as "dns://shop.internal:9001"`)
		} else if net.ParseIP(name) != nil {
			wrong("is an address and no name: write it without dns://")
		}
	}
	found.add(positive(joinPath(path, "dns.refresh"), b.DNS.Refresh, "10s")...)
	if b.DNS.Resolver != "" {
		if err := checkAddress(b.DNS.Resolver, 1); err != "" {
			found.add(&InvalidError{Field: joinPath(path, "dns.resolver"), Value: strconv.Quote(b.DNS.Resolver), Expected: err + `; write host:port, such as "10.0.0.2:53"`})
		}
	}
	return found.errors
}
