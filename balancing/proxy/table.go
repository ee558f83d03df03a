package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/compress"
	"headroom.dev/headroom/balancing/edit"
	"headroom.dev/headroom/balancing/geo"
	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/pick"
	"headroom.dev/headroom/balancing/split"
)

// service is one service of the table. It lives from the first table that names it to the last.
type service struct {
	name     string
	traffic  traffic
	guards   guards
	mirrored mirrored
	holding  waitingRoom
	window   window // under the server's lock
	view     atomic.Pointer[view]

	members []member // under the server's lock
	starts  bool     // replicas are started where there is none; under the server's lock
	stale   bool     // the view is not of the present members' health; under the server's lock
}

// member is a backend of a service with the weight of the present table.
type member struct {
	backend   *backend
	weight    int
	placement headroom.Placement
	active    bool // as the table says; the backend itself learns it after the view, so that requests find another one
}

// view is all that a request needs of its service: an immutable snapshot.
type view struct {
	service    string // its name
	starts     bool   // replicas, where there is none
	settings   headroom.LoadBalancing
	picker     *pick.Picker
	candidates *pick.Snapshot
	backends   []*backend // by index of candidates, the healthy ones first
	learns     bool       // the picker wants to know how soon backends answer
	reports    bool       // and what they say of their load
	limits     h1.Limits  // of responses
	clients    bool       // whose certificates must be looked at
	homes      *homes     // of sessions; nil where clients are not kept on their backends
	compiled
}

// compiled is what a service's settings are made into for the hot path.
type compiled struct {
	routes   *edit.Routes
	targets  []*service       // where routes lead to, by their number; nil is the service itself
	split    *split.Splitter  // nil: the service takes all
	variants []*service       // of split, by index
	mirror   *mirror          // nil: nothing is copied
	compress *compress.Policy // nil: nothing is compressed
	retries  retries
	overload *overload // nil: nothing is limited
	pages    pages
	affinity *affinities  // nil: clients are not kept on their backends
	regions  *geo.Regions // nil: where clients are does not matter
	limiting *limiting    // nil: no rate is limited
}

// compile fails where a file cannot be read.
func (s *Server) compile(service string, settings headroom.LoadBalancing) (compiled, error) {
	o := s.options
	made := compiled{routes: edit.NewRoutes(settings), split: split.New(service, settings.Split), affinity: newAffinities(service, settings, o.AffinitySecret),
		retries: compileRetries(settings.Retries), overload: compileOverload(settings)}
	if settings.Compression.Enabled {
		made.compress = compress.New(settings.Compression)
	}
	var err error
	if made.regions, err = s.regions(service, settings); err != nil {
		return compiled{}, err
	}
	made.pages, err = readPages(service, settings.ErrorPages)
	return made, err
}

// rebuild makes a new view of the backends that may get requests now. The picker stays while the algorithm does.
func (s *service) rebuild(settings headroom.LoadBalancing, compiled compiled, seed uint64) error {
	s.stale = false
	mode := settings.TLS.Clients.Mode
	made := &view{service: s.name, starts: s.starts, settings: settings, limits: limitsOf(settings.Limits), compiled: compiled, clients: mode != "" && mode != "none"}
	name := picked(settings)
	if old := s.view.Load(); old != nil && picked(old.settings) == name {
		made.picker = old.picker
	} else {
		picker, err := pick.New(name, seed)
		if err != nil {
			return err
		}
		made.picker = picker
	}
	made.reports = name == headroom.Adaptive
	made.learns = made.reports || name == headroom.LeastResponseTime
	var list []pick.Candidate
	var active, ill, draining []member
	for _, m := range s.members {
		healthy := m.backend.healthy.Load()
		if m.weight > 0 && !m.active && healthy && m.backend.keeps {
			draining = append(draining, m)
		}
		switch {
		case m.weight == 0 || !m.active:
		case healthy && !m.backend.conduct.ejected.Load():
			active = append(active, m)
		case healthy || m.backend.unhealthy():
			ill = append(ill, m)
		}
	}
	for _, m := range slices.Concat(active, ill) {
		list = append(list, candidate(m, len(list) < len(active), settings))
		made.backends = append(made.backends, m.backend)
	}
	made.homes = compiled.affinity.house(active, draining)
	made.candidates = pick.NewSnapshot(list, pick.Settings{
		Keyed: settings.Algorithm.Keyed(), LoadFactor: settings.Hash.LoadFactor, InFlight: &s.traffic.inFlight, Panic: settings.PanicThreshold / 100,
	})
	s.view.Store(made)
	s.release()
	return nil
}

// picked is the algorithm that chooses a backend, in the end.
func picked(settings headroom.LoadBalancing) headroom.Algorithm {
	if settings.Algorithm == headroom.Geographic {
		return settings.Geographic.Within
	}
	return settings.Algorithm
}

// candidate is a member as algorithms see it.
func candidate(m member, healthy bool, settings headroom.LoadBalancing) pick.Candidate {
	made := pick.Candidate{
		ID: m.backend.id, Weight: m.weight, InFlight: &m.backend.traffic.inFlight, Load: &m.backend.load,
		Unhealthy: !healthy, Priority: m.placement.Priority, Region: -1,
	}
	here, there := settings.Locality, m.placement
	switch {
	case settings.Algorithm == headroom.Geographic:
		made.Region = slices.IndexFunc(settings.Geographic.Regions, func(r headroom.Region) bool { return r.Name == there.Region })
	case here.Zone != "" && here.Zone == there.Zone && here.Region == there.Region:
		made.Near = 0
	case here.Region != "" && here.Region == there.Region:
		made.Near = 1
	case here != (headroom.Locality{}):
		made.Near = 2
	}
	return made
}

// limitsOf are the bounds of heads in the parser's words.
func limitsOf(l headroom.Limits) h1.Limits {
	return h1.Limits{Head: int(l.Header), Fields: l.HeaderFields}
}

// routes leads the requests of one listener to their services, and says what holds for its connections: an immutable snapshot. Where services
// differ, a connection that may be for any of them gets the most that one of them allows.
type routes struct {
	byHost         map[string]*service
	byDomain       map[string]*service // "example.com" of "*.example.com"
	fallback       *service            // the service without hosts, nil if each has some
	tcp            *service            // the service of a TCP listener, else nil
	tls            *tls.Config
	acceptProxy    bool
	trusted        []netip.Prefix
	header, idle   time.Duration
	maxConnections int
	perClient      int // connections
	requests       int // per connection
	streams        int // at once on one HTTP/2 connection
	bodyRate       int64
	limits         h1.Limits
}

// parseNetwork reads a network, or an address, which is the network of itself alone.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// find returns the service for a Host value, or nil. The scratch space holds the normalized name.
func (r *routes) find(host []byte, scratch *[256]byte) *service {
	if len(r.byHost) == 0 && len(r.byDomain) == 0 {
		return r.fallback
	}
	name := h1.HostName(host, scratch)
	if s, ok := r.byHost[string(name)]; ok {
		return s
	}
	for len(r.byDomain) > 0 {
		dot := bytes.IndexByte(name, '.')
		if dot < 0 {
			break
		}
		name = name[dot+1:]
		if s, ok := r.byDomain[string(name)]; ok { // the longest domain first
			return s
		}
	}
	return r.fallback
}

// add gives a service to the listener.
func (r *routes) add(s *service, lb headroom.LoadBalancing) error {
	r.header = max(r.header, time.Duration(lb.Timeouts.Header))
	r.idle = max(r.idle, time.Duration(lb.Timeouts.Idle))
	r.maxConnections = max(r.maxConnections, lb.MaxConnections)
	r.perClient = max(r.perClient, lb.Limits.ConnectionsPerClient)
	r.requests = max(r.requests, lb.Limits.RequestsPerConnection)
	r.streams = max(r.streams, lb.Limits.StreamsPerConnection)
	r.limits.Head = max(r.limits.Head, int(lb.Limits.Header))
	r.limits.Fields = max(r.limits.Fields, lb.Limits.HeaderFields)
	if first := r.fallback == nil && len(r.byHost) == 0 && len(r.byDomain) == 0; first {
		r.bodyRate = int64(lb.Limits.BodyRate)
	}
	r.bodyRate = min(r.bodyRate, int64(lb.Limits.BodyRate)) // 0 is no limit
	r.acceptProxy = r.acceptProxy || lb.ProxyProtocol.Accept
	for _, text := range lb.TrustedProxies {
		network, err := parseNetwork(text)
		if err != nil {
			return &headroom.InvalidError{Field: "services." + s.name + ".loadBalancing.trustedProxies", Value: text, Expected: `expected networks or addresses, such as "10.0.0.0/8"`}
		}
		r.trusted = append(r.trusted, network)
	}
	if lb.Protocol == headroom.ProtocolTCP {
		r.tcp = s
	}
	if len(lb.Hosts) == 0 {
		if r.fallback != nil {
			return &headroom.InvalidError{Field: "services." + s.name + ".loadBalancing.hosts",
				Expected: fmt.Sprintf("services %s and %s both listen on %s, and neither has hosts; give one of them hosts, such as [%s.example.com]", r.fallback.name, s.name, lb.Listen, s.name)}
		}
		r.fallback = s
		return nil
	}
	for _, host := range lb.Hosts {
		name := strings.ToLower(strings.TrimSuffix(host, "."))
		names := r.byHost
		if domain, wildcard := strings.CutPrefix(name, "*."); wildcard {
			name, names = domain, r.byDomain
		}
		if other, taken := names[name]; taken && other != s {
			return &headroom.InvalidError{Field: "services." + s.name + ".loadBalancing.hosts", Value: host,
				Expected: "expected a host that no other service on " + lb.Listen + " has; service " + other.name + " has it"}
		}
		names[name] = s
	}
	return nil
}
