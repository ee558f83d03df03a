package certificate

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/caddyserver/certmagic"

	"headroom.dev/headroom"
)

// acmeProtocol is what the authority offers alone by ALPN when it looks whether a host is ours (RFC 8737 §6.2).
const acmeProtocol = "acme-tls/1"

// issuerKey tells issuers apart. Each listener has its own, since certmagic looks whether somebody listens there.
type issuerKey struct {
	listen, directory, email string
	roots                    [sha256.Size]byte
}

// issuer obtains and renews certificates for hosts of one listener from one authority.
type issuer struct {
	key    issuerKey
	dir    string
	roots  *pool // nil for those of the system
	logger *slog.Logger

	ctx    context.Context // of all that is done for it
	cancel context.CancelFunc

	mu     sync.Mutex // guards what follows
	cache  *certmagic.Cache
	config *certmagic.Config
	stops  map[string]context.CancelFunc // by host

	noting   sync.Mutex       // guards problems
	problems map[string]error // of the last attempt, by host; none after a success
}

// setIssuer gives a site the issuer for those of its hosts that its files are not for.
func (k *Keeper) setIssuer(s *site, path, listen string, lb headroom.LoadBalancing) []error {
	var found []error
	settings := lb.TLS.ACME
	if len(lb.Hosts) == 0 {
		found = append(found, invalid(pathOfHosts(s.service), "", `must name the hosts that certificates are obtained for, such as "shop.example.com"`))
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
		if host[0] == '*' || net.ParseIP(host) != nil || !certmagic.SubjectQualifiesForCert(host) {
			found = append(found, invalid(fmt.Sprintf("%s[%d]", pathOfHosts(s.service), i), lb.Hosts[i],
				"cannot get a certificate by ACME here, for the challenge TLS-ALPN-01 proves one whole host name (RFC 8737): name a file in tls.certificates"))
			continue
		}
		s.managed = append(s.managed, host)
	}
	if u, err := url.Parse(settings.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		found = append(found, invalid(path+".acme.directory", settings.Directory, `must be a URL that begins with https://, such as "https://acme-v02.api.letsencrypt.org/directory"`))
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
	ctx, cancel := context.WithCancel(context.Background())
	return &issuer{key: key, dir: filepath.Join(k.options.StateDir, "acme"), roots: roots, logger: k.options.Logger, ctx: ctx, cancel: cancel,
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

// manage makes hosts those whose certificates are obtained and renewed. Certificates that were obtained before are there when it returns.
func (i *issuer) manage(hosts []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.config == nil {
		i.start()
	}
	for host, stop := range i.stops {
		if !slices.Contains(hosts, host) {
			stop()
			i.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: host}})
			delete(i.stops, host)
			i.note(host, nil)
		}
	}
	loaded := false
	for _, host := range hosts {
		if i.stops[host] == nil {
			loaded = i.add(host) || loaded
		}
	}
	if loaded {
		go i.renew(i.cache)
	}
}

// add begins with a host, and reports whether its certificate was there already.
func (i *issuer) add(host string) bool {
	ctx, cancel := context.WithCancel(i.ctx)
	i.stops[host] = cancel
	_, err := i.config.CacheManagedCertificate(ctx, host)
	if err == nil {
		return true
	}
	if !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("read the certificate for %s in %s, which can be removed: %w", host, i.dir, err)
		i.logger.Error("a certificate in the state directory cannot be used", "error", err)
		i.note(host, err)
		return false
	}
	i.logger.Info("obtaining a certificate", "host", host, "authority", i.key.directory)
	if err := i.config.ManageAsync(ctx, []string{host}); err != nil {
		i.note(host, err)
	}
	return false
}

// renew renews those certificates that were found in the state directory and are due: otherwise they would have to wait for the next
// check, 10 minutes later, although they may have expired while headroom was off.
func (i *issuer) renew(cache *certmagic.Cache) {
	const failed = "looking for certificates that are due failed; the next look is in ten minutes"
	defer func() {
		// What the authority says of when to renew goes into arithmetic there.
		if problem := recover(); problem != nil {
			i.logger.Error(failed, "error", problem)
		}
	}()
	if err := cache.RenewManagedCertificates(i.ctx); err != nil {
		i.logger.Error(failed, "error", err)
	}
}

// start makes the parts of certmagic. Nothing of them is a package's default, which would listen on ports of its own and log to standard
// error.
func (i *issuer) start() {
	logger := zapLogger(i.logger)
	i.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return i.config, nil },
		Logger:           logger,
	})
	i.config = certmagic.New(i.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: i.dir},
		OCSP:    certmagic.OCSPConfig{DisableStapling: true},
		Logger:  logger,
		OnEvent: i.event,
	})
	host, port := solverAddress(i.key.listen)
	settings := certmagic.ACMEIssuer{
		CA: i.key.directory, Email: i.key.email, Agreed: true, DisableHTTPChallenge: true,
		// certmagic opens a listener for the challenge unless somebody listens there: we do.
		ListenHost: host, AltTLSALPNPort: port,
		Logger: logger,
	}
	if i.roots != nil {
		settings.TrustedRoots = i.roots.current.Load().pool
	}
	i.config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(i.config, settings)}
}

// solverAddress is where the listener is, for certmagic.
func solverAddress(listen string) (host string, port int) {
	host, text, _ := net.SplitHostPort(listen) // the configuration was validated
	port, _ = strconv.Atoi(text)
	return host, port
}

// event takes what certmagic tells of a host.
func (i *issuer) event(_ context.Context, name string, data map[string]any) error {
	host, _ := data["identifier"].(string)
	switch name {
	case "cert_obtained":
		i.logger.Info("a certificate was obtained", "host", host, "renewed", data["renewal"])
		i.note(host, nil)
	case "cert_failed":
		problem, _ := data["error"].(error)
		i.note(host, problem)
	}
	return nil
}

func (i *issuer) note(host string, problem error) {
	i.noting.Lock()
	defer i.noting.Unlock()
	delete(i.problems, host)
	if problem != nil {
		i.problems[host] = problem
	}
}

// close ends obtaining and renewing. It does not wait: certmagic may be waiting for an answer of the authority.
func (i *issuer) close() {
	i.cancel()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cache != nil {
		go i.cache.Stop()
	}
}

// certificate is what there is for a host. It does not wait.
func (i *issuer) certificate(host string) (*tls.Certificate, error) {
	i.mu.Lock()
	cache := i.cache
	i.mu.Unlock()
	if cache != nil {
		for _, have := range cache.AllMatchingCertificates(host) {
			return &have.Certificate, nil
		}
	}
	i.noting.Lock()
	defer i.noting.Unlock()
	if problem := i.problems[host]; problem != nil {
		return nil, fmt.Errorf("there is no certificate for %s: %w", host, problem)
	}
	return nil, fmt.Errorf("there is no certificate for %s yet: it is being obtained from %s", host, i.key.directory)
}

// isChallenge reports whether a client is an authority that looks whether a host is ours.
func isChallenge(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acmeProtocol
}

// challenge is what such a client gets: it asks for nothing but the certificate that proves it, and needs none of its own.
func (i *issuer) challenge() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{acmeProtocol},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			i.mu.Lock()
			config := i.config
			i.mu.Unlock()
			if config == nil {
				return nil, errors.New("no certificate is being obtained yet")
			}
			return config.GetCertificate(hello)
		},
	}
}
