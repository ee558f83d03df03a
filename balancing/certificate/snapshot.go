package certificate

import (
	"crypto/tls"
	"fmt"
	"slices"
	"time"
)

// snapshot is what a listener makes of its files and of the secrets of session tickets, until one of them changes.
type snapshot struct {
	generation uint64
	secrets    *secrets
	views      map[*site]*view
	offers     names[offer] // of all sites
}

// view is what clients of one site get.
type view struct {
	config *tls.Config
	offers names[offer]
	first  offer // for clients that ask for a name that no certificate is for
}

// offer is a certificate that a client may get: one from files, or one that an issuer has for a host or will have.
type offer struct {
	certificate *tls.Certificate
	issuer      *issuer
	host        string
}

// config is what the proxy gets. The rules depend on the service, so that each handshake gets the configuration of its own.
func (l *listener) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			s := l.siteFor(hello.ServerName)
			if isChallenge(hello) && slices.Contains(s.managed, normal(hello.ServerName)) {
				return s.issuer.challenge(), nil
			}
			now, err := l.at(time.Now())
			if err != nil {
				return nil, err
			}
			return now.views[s].config, nil
		},
	}
}

// siteFor is the site whose rules hold for a client that asks for a name.
func (l *listener) siteFor(name string) *site {
	if found := l.byHost.find(name); len(found) > 0 {
		return found[0]
	}
	return l.fallback
}

// at returns the snapshot of now.
func (l *listener) at(now time.Time) (*snapshot, error) {
	generation, secrets := l.keeper.generation.Load(), l.keeper.tickets.at(now)
	if have := l.snapshot.Load(); have.madeOf(generation, secrets) {
		return have, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if have := l.snapshot.Load(); have.madeOf(generation, secrets) {
		return have, nil
	}
	made := &snapshot{generation: generation, secrets: secrets, views: map[*site]*view{}, offers: newNames[offer]()}
	for _, s := range l.sites {
		if err := made.add(s); err != nil {
			return nil, err
		}
	}
	l.snapshot.Store(made)
	return made, nil
}

func (s *snapshot) madeOf(generation uint64, secrets *secrets) bool {
	return s != nil && s.generation == generation && s.secrets == secrets
}

// add makes the view of a site.
func (s *snapshot) add(site *site) error {
	keys, err := s.secrets.keys(site.realm())
	if err != nil {
		return fmt.Errorf("make the keys of session tickets for service %s: %w", site.service, err)
	}
	v := &view{offers: newNames[offer]()}
	for i, pair := range site.pairs {
		o := offer{certificate: pair.current.Load()}
		if i == 0 {
			v.first = o
		}
		for _, name := range subjects(o.certificate.Leaf) {
			v.offers.add(name, o)
			s.offers.add(name, o)
		}
	}
	for i, host := range site.managed {
		o := offer{issuer: site.issuer, host: host}
		if i == 0 && len(site.pairs) == 0 {
			v.first = o
		}
		v.offers.add(host, o)
		s.offers.add(host, o)
	}
	v.config = &tls.Config{
		MinVersion:     site.minimum,
		NextProtos:     site.protocols(),
		ClientAuth:     site.clients.auth,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return s.choose(v, hello) },
	}
	if site.clients.pool != nil {
		v.config.ClientCAs = site.clients.pool.current.Load().pool
	}
	v.config.SetSessionTicketKeys(keys)
	s.views[site] = v
	return nil
}

// choose picks the certificate: of the site's own the most specific for the name, else the most specific of all on the listener, else the
// site's first. Where several are for the name, as with RSA and ECDSA, it is the first that the client can use.
func (s *snapshot) choose(v *view, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	offers := v.offers.find(hello.ServerName)
	if len(offers) == 0 {
		offers = s.offers.find(hello.ServerName)
	}
	if len(offers) == 0 {
		return v.first.get()
	}
	if len(offers) > 1 {
		for _, o := range offers {
			if certificate, err := o.get(); err == nil && hello.SupportsCertificate(certificate) == nil {
				return certificate, nil
			}
		}
	}
	return offers[0].get()
}

func (o offer) get() (*tls.Certificate, error) {
	if o.issuer != nil {
		return o.issuer.certificate(o.host)
	}
	return o.certificate, nil
}
