package certificate

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync/atomic"

	"headroom.dev/headroom"
)

// upstream is TLS to the backends of a service.
type upstream struct {
	settings  headroom.BackendTLS
	protocols []string
	authority *pool // nil for those of the system
	own       *pair // nil where none is shown
	addresses map[string]*peer
}

// peer is one backend. Backends do not know each other's session tickets, so each has a cache of its own.
type peer struct{ made atomic.Pointer[peerConfig] }

// peerConfig is what a peer's configuration was made of.
type peerConfig struct {
	authority *authorities
	own       *tls.Certificate
	config    *tls.Config
}

// Backend returns what makes the TLS of a connection to a backend of a service, given its address as host:port; nil if the service has no
// TLS to its backends. The configuration that it returns is shared, and the same until a file changes; it is never to
// be changed. Its ServerName is the configured one or the host of the address. For h2 whoever connects must see that it was
// negotiated. Errors are of type *headroom.InvalidError, several joined.
func (k *Keeper) Backend(service headroom.ServiceRoute) (func(address string) *tls.Config, error) {
	settings := service.LoadBalancing.BackendTLS
	if !settings.Enabled {
		return nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	u, err := k.newUpstream("services."+service.Service+".loadBalancing.backendTLS", settings)
	if err != nil {
		return nil, err
	}
	u.protocols = backendProtocols(service.LoadBalancing)
	u.adopt(k.current.upstreams[service.Service], service.Backends)
	k.next.upstreams[service.Service] = u
	return u.config, nil
}

func (k *Keeper) newUpstream(path string, settings headroom.BackendTLS) (*upstream, error) {
	u := &upstream{settings: settings, addresses: map[string]*peer{}}
	var found []error
	if settings.CA != "" {
		p, problem := k.pool(settings.CA)
		if problem != nil {
			found = append(found, invalid(path+".ca", problem.path, problem.err.Error()))
		}
		u.authority = p
	}
	if settings.Certificate != "" || settings.Key != "" {
		p, err := k.namedPair(path, pairFiles{settings.Certificate, settings.Key})
		if err != nil {
			found = append(found, err)
		}
		u.own = p
	}
	return u, errors.Join(found...)
}

func backendProtocols(lb headroom.LoadBalancing) []string {
	switch {
	case lb.Protocol == headroom.ProtocolTCP:
		return nil
	case lb.BackendProtocol == headroom.BackendHTTP2:
		return []string{"h2"}
	}
	return []string{"http/1.1"}
}

// adopt makes the peers. Those that were there under the same settings keep their sessions.
func (u *upstream) adopt(before *upstream, backends []headroom.Backend) {
	same := before != nil && before.settings == u.settings && slices.Equal(before.protocols, u.protocols) &&
		before.authority == u.authority && before.own == u.own
	for _, backend := range backends {
		var p *peer
		if same {
			p = before.addresses[backend.Address]
		}
		if p == nil {
			p = &peer{}
		}
		u.addresses[backend.Address] = p
	}
}

// config returns the configuration for connections to an address.
func (u *upstream) config(address string) *tls.Config {
	p := u.addresses[address]
	if p == nil {
		p = &peer{} // not a backend of the table: it gets no cache of sessions that lasts
	}
	var authority *authorities
	if u.authority != nil {
		authority = u.authority.current.Load()
	}
	var own *tls.Certificate
	if u.own != nil {
		own = u.own.current.Load()
	}
	if have := p.made.Load(); have != nil && have.authority == authority && have.own == own {
		return have.config
	}
	made := &peerConfig{authority: authority, own: own, config: u.newConfig(address, authority, own)}
	p.made.Store(made)
	return made.config
}

func (u *upstream) newConfig(address string, authority *authorities, own *tls.Certificate) *tls.Config {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         u.protocols,
		ServerName:         u.settings.ServerName,
		InsecureSkipVerify: u.settings.SkipVerify,
		// One session is enough: crypto/tls uses a ticket for any number of connections, and each gives a newer one. It is a new cache where
		// a file changed, so that nothing is resumed which the authorities would not verify, or under a name that is no longer ours.
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address) // backends' addresses were validated
	}
	if authority != nil {
		config.RootCAs = authority.pool
	}
	if own != nil {
		// Not Certificates, of which crypto/tls shows none where the backend names authorities and ours is not among them.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	}
	return config
}
