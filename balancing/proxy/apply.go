package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/pick"
	"headroom.dev/headroom/balancing/socket"
)

func sortedNames(services map[string]*service) []string { return slices.Sorted(maps.Keys(services)) }

// Apply makes a table the one in force, as a whole: on an error, such as a port in use, the old one stays. Requests in progress
// end as they began; connections stay open unless their listener is gone, and then they end after their request.
func (s *Server) Apply(table headroom.RoutingTable) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return errors.New("balance the services: the balancer is shutting down")
	}
	next, err := s.plan(table)
	if err != nil {
		s.options.rollback()
		return fmt.Errorf("balance the services: %w", err)
	}
	opened, err := s.open(next.routes)
	if err != nil {
		s.options.rollback()
		return fmt.Errorf("balance the services: %w", err)
	}
	if s.options.TLS != nil {
		s.options.TLS.Commit() // before a request can meet the new table: its rules for clients hold at once
	}
	s.commit(table, next, opened)
	return nil
}

// planned is what a table will make of the server, checked but without effect yet.
type planned struct {
	services map[string]*service
	settings map[string]headroom.LoadBalancing
	compiled map[string]compiled
	secured  map[string]configuring // by service
	routes   map[string]*routes
	sharing  map[string][]headroom.ServiceRoute // by listener
}

func (s *Server) plan(table headroom.RoutingTable) (planned, error) {
	next := planned{
		services: map[string]*service{}, settings: map[string]headroom.LoadBalancing{}, compiled: map[string]compiled{}, secured: map[string]configuring{},
		routes: map[string]*routes{}, sharing: map[string][]headroom.ServiceRoute{},
	}
	owners := map[string]string{}
	for _, route := range table.Services {
		if _, twice := next.services[route.Service]; twice {
			return planned{}, &headroom.InvalidError{Field: "services", Value: route.Service, Expected: "expected each service once"}
		}
		lb := withDefaults(route.LoadBalancing)
		if _, err := pick.New(picked(lb), 0); err != nil {
			return planned{}, fmt.Errorf("service %s: %w", route.Service, err)
		}
		svc := s.services[route.Service]
		if svc == nil {
			svc = &service{name: route.Service}
		}
		next.services[route.Service], next.settings[route.Service] = svc, lb
		if err := next.listen(svc, lb, route); err != nil {
			return planned{}, err
		}
		var err error
		if next.secured[route.Service], err = s.secure(route); err != nil {
			return planned{}, err
		}
		if next.compiled[route.Service], err = s.compile(route.Service, lb); err != nil {
			return planned{}, err
		}
		if err := s.limit(route.Service, lb, next); err != nil {
			return planned{}, err
		}
		for _, b := range route.Backends {
			if owner, twice := owners[b.ID]; twice {
				return planned{}, &headroom.InvalidError{Field: "services." + route.Service + ".backends", Value: b.ID,
					Expected: "expected an ID of its own for each backend; service " + owner + " has it"}
			}
			owners[b.ID] = route.Service
		}
	}
	for name, made := range next.compiled {
		if err := made.lead(name, next.settings[name], next.services); err != nil {
			return planned{}, err
		}
		next.compiled[name] = made
	}
	return next, s.encrypt(next)
}

// limit compiles the limits of a service. What those before have counted goes on.
func (s *Server) limit(service string, lb headroom.LoadBalancing, next planned) error {
	var before *limiting
	if old := s.services[service]; old != nil {
		before = old.view.Load().limiting
	}
	made := next.compiled[service]
	var err error
	made.limiting, err = s.newLimiting(service, lb, before)
	next.compiled[service] = made
	return err
}

// listen gives a service its place on its listener, if it has one.
func (p *planned) listen(svc *service, lb headroom.LoadBalancing, route headroom.ServiceRoute) error {
	if !lb.Listens() {
		return nil
	}
	r := p.routes[lb.Listen]
	if r == nil {
		r = &routes{byHost: map[string]*service{}, byDomain: map[string]*service{}}
		p.routes[lb.Listen] = r
	}
	p.sharing[lb.Listen] = append(p.sharing[lb.Listen], route)
	return r.add(svc, lb)
}

// encrypt gives the listeners their TLS.
func (s *Server) encrypt(next planned) error {
	if s.options.TLS == nil {
		return nil
	}
	for address, r := range next.routes {
		config, err := s.options.TLS.Listener(address, next.sharing[address])
		if err != nil {
			return err
		}
		r.tls = config
	}
	return nil
}

// transportOf says how the backends of a service are spoken to.
func transportOf(lb headroom.LoadBalancing) transport {
	return transport{settings: lb.BackendTLS, http2: lb.BackendProtocol == headroom.BackendHTTP2, proxyProtocol: lb.ProxyProtocol.Send}
}

// secure makes the TLS to the backends of a service.
func (s *Server) secure(route headroom.ServiceRoute) (configuring, error) {
	if s.options.TLS == nil {
		return nil, nil
	}
	return s.options.TLS.Backend(route)
}

// open listens where the plan needs it and nobody does yet; all or nothing.
func (s *Server) open(routes map[string]*routes) (map[string]net.Listener, error) {
	opened := map[string]net.Listener{}
	for address := range routes {
		if s.listeners[address] != nil || s.draining {
			continue
		}
		ln, err := s.options.listen(address)
		if err != nil {
			for _, other := range opened {
				other.Close()
			}
			return nil, listenError(address, err)
		}
		opened[address] = ln
	}
	return opened, nil
}

// commit cannot fail. Backends stop taking requests only after all views have been made without them, so that a request which
// finds one inactive sees those that take its place.
func (s *Server) commit(table headroom.RoutingTable, next planned, opened map[string]net.Listener) {
	before, old := s.services, s.backends
	s.services, s.backends, s.secured = next.services, map[string]*backend{}, next.secured
	for _, made := range []bool{true, false} { // the new ones first: views of others may lead to them
		for _, route := range table.Services {
			if (before[route.Service] == nil) == made {
				s.setBackends(route, next, old)
			}
		}
	}
	for name, svc := range before {
		if next.services[name] == nil {
			svc.members = nil
			s.rebuild(svc)
		}
	}
	for id, b := range old {
		if s.backends[id] != b {
			b.setActive(false)
			s.departing = append(s.departing, b)
		}
	}
	for _, svc := range s.services {
		for _, m := range svc.members {
			m.backend.setActive(m.active)
		}
	}
	s.share()
	s.setListeners(next, opened)
	s.version = table.Version
}

// BackendTLS makes the TLS configuration of a connection to an address of a service's backend by the table in force; nil if there is none.
func (s *Server) BackendTLS(service, address string) *tls.Config {
	s.mu.Lock()
	configure := s.secured[service]
	s.mu.Unlock()
	if configure == nil {
		return nil
	}
	return configure(address)
}

// setListeners gives each listener its routes, starts the new ones and retires those that have none.
func (s *Server) setListeners(next planned, opened map[string]net.Listener) {
	for address, ln := range opened {
		s.listeners[address] = newListener(s, address, ln)
	}
	for address, l := range s.listeners {
		if r := next.routes[address]; r != nil {
			l.routes.Store(r)
			socket.Defer(l.ln, r.tcp == nil)
			continue
		}
		s.retire(address, l)
	}
	for address := range opened {
		s.listeners[address].start()
	}
}

// retire closes a listener and keeps it for Shutdown while it has connections.
func (s *Server) retire(address string, l *listener) {
	delete(s.listeners, address)
	l.close()
	s.retired = slices.DeleteFunc(append(s.retired, l), (*listener).idle)
}

// setBackends makes the service's members those of the route. A backend keeps its object while its ID, service and address stay.
func (s *Server) setBackends(route headroom.ServiceRoute, next planned, old map[string]*backend) {
	svc, lb := next.services[route.Service], next.settings[route.Service]
	svc.starts = route.Starts
	health := headroom.HealthUnknown
	if s.options.AssumeHealthy {
		health = headroom.HealthHealthy
	}
	svc.guards.configure(lb, next.compiled[route.Service].overload)
	s.setBreaker(svc, lb.CircuitBreaker)
	svc.members = make([]member, 0, len(route.Backends))
	transport, secured := transportOf(lb), next.secured[route.Service]
	for _, b := range route.Backends {
		have := old[b.ID]
		if have == nil || have.address != b.Address || have.service != route.Service {
			have = newBackend(b, route.Service, health, s.newBreaker(lb.CircuitBreaker), &s.large)
			if svc.view.Load() != nil { // of a service's first backends none has to wait for the others
				have.warmsSince = time.Now()
			}
		} else if have.breaker != nil {
			have.breaker.Configure(lb.CircuitBreaker)
		}
		have.setTransport(&transport, &secured)
		if b.State != headroom.BackendDraining {
			have.setActive(true) // before requests can find it
		}
		have.keepSessions(b.State == headroom.BackendDraining && lb.SessionAffinity.Enabled, time.Now(), time.Duration(lb.DrainTimeout))
		s.backends[b.ID] = have
		svc.members = append(svc.members, member{backend: have, weight: b.Weight, placement: b.Placement, active: b.State != headroom.BackendDraining})
	}
	if err := svc.rebuild(lb, next.compiled[route.Service], s.options.Seed); err != nil {
		s.options.Logger.Error("keeping the old list of backends", "service", svc.name, "error", err)
	}
}

func (s *Server) newBreaker(settings headroom.CircuitBreaker) Breaker {
	if s.options.NewBreaker == nil {
		return nil
	}
	return s.options.NewBreaker(settings)
}
