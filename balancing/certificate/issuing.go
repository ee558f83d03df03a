package certificate

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/caddyserver/certmagic"

	"headroom.dev/headroom"
)

// setIssuer gives a site the issuer for those of its hosts that its files are not for.
func (k *Keeper) setIssuer(s *site, path, listen string, lb headroom.LoadBalancing) []error {
	var found []error
	settings := lb.TLS.ACME
	if len(lb.Hosts) == 0 {
		found = append(found, invalid(pathOfHosts(s.service), "",
			`must name the hosts that certificates are obtained for, such as "shop.example.com"`))
	}
	own := newNames[bool]()
	for _, p := range s.pairs {
		for _, name := range subjects(p.current.Load().Leaf) {
			own.add(name, true)
		}
	}
	for i, host := range s.hosts {
		if len(own.find(host)) > 0 {
			continue
		}
		if strings.HasPrefix(host, "*") || net.ParseIP(host) != nil || !certmagic.SubjectQualifiesForCert(host) {
			found = append(found, invalid(fmt.Sprintf("%s[%d]", pathOfHosts(s.service), i), lb.Hosts[i],
				"cannot get a certificate by ACME here, for the challenge TLS-ALPN-01 proves one whole host name (RFC 8737): "+
					"name a file in tls.certificates"))
			continue
		}
		s.managed = append(s.managed, host)
	}
	if u, err := url.Parse(settings.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		found = append(found, invalid(path+".acme.directory", settings.Directory,
			`must be a URL that begins with https://, such as "https://acme-v02.api.letsencrypt.org/directory"`))
	}
	key := issuerKey{listen: listen, directory: settings.Directory, email: settings.Email}
	var roots *pool
	if settings.RootCA != "" {
		var problem *fileError
		if roots, problem = k.pool(settings.RootCA); problem != nil {
			return append(found, invalid(path+".acme.rootCA", problem.path, problem.err.Error()))
		}
		key.roots = roots.current.Load().digest
	}
	if len(found) > 0 || len(s.managed) == 0 {
		return found
	}
	if k.next.issuing[key] == nil {
		k.next.issuing[key] = &obtaining{issuer: k.issuer(key, roots)}
	}
	k.next.issuing[key].hosts = append(k.next.issuing[key].hosts, s.managed...)
	s.issuer = k.next.issuing[key].issuer
	return nil
}

func pathOfHosts(service string) string { return "services." + service + ".loadBalancing.hosts" }

// issuer returns the issuer of the table in force, or one that does nothing yet.
func (k *Keeper) issuer(key issuerKey, roots *pool) *issuer {
	if have := k.current.issuing[key]; have != nil {
		return have.issuer
	}
	return &issuer{key: key, dir: filepath.Join(k.options.StateDir, "acme"), roots: roots, logger: k.options.Logger,
		stops: map[string]context.CancelFunc{}, problems: map[string]error{}}
}

// obtaining is an issuer and the hosts that a table wants certificates for.
type obtaining struct {
	issuer *issuer
	hosts  []string
}

// obtain makes the issuers work for the hosts of this table, and those that only the one before names stop.
func (h *holding) obtain(before *holding) {
	for _, o := range h.issuing {
		o.issuer.manage(o.hosts)
	}
	for key, o := range before.issuing {
		if now := h.issuing[key]; now == nil || now.issuer != o.issuer {
			o.issuer.close()
		}
	}
}
