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
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/certmagic"
)

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

	// running and cache are nil until a table that names the issuer is in force. Handshakes wait for no lock.
	running atomic.Pointer[certmagic.Config]
	cache   atomic.Pointer[certmagic.Cache]

	// What follows is guarded by the keeper's lock, under which tables come into force.
	ctx    context.Context // of all that is done for the issuer, from start to close
	cancel context.CancelFunc
	stops  map[string]context.CancelFunc // by host

	noting   sync.Mutex       // guards problems
	problems map[string]error // of the last attempt, by host; none after a success
}

// manage makes hosts those whose certificates are obtained and renewed. Certificates that were obtained before are there when it returns.
func (i *issuer) manage(hosts []string) {
	if i.running.Load() == nil {
		i.start()
	}
	for host, stop := range i.stops {
		if !slices.Contains(hosts, host) {
			stop()
			i.cache.Load().RemoveManaged([]certmagic.SubjectIssuer{{Subject: host}})
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
		go i.renew(i.ctx, i.cache.Load())
	}
}

// add begins with a host, and reports whether its certificate was there already.
func (i *issuer) add(host string) bool {
	ctx, cancel := context.WithCancel(i.ctx)
	i.stops[host] = cancel
	_, err := i.running.Load().CacheManagedCertificate(ctx, host)
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
	if err := i.running.Load().ManageAsync(ctx, []string{host}); err != nil {
		i.note(host, err)
	}
	return false
}

// renew renews those certificates that were found in the state directory and are due: otherwise they would have to wait for the next
// check, 10 minutes later, although they may have expired while headroom was off.
func (i *issuer) renew(ctx context.Context, cache *certmagic.Cache) {
	const failed = "looking for certificates that are due failed; the next look is in ten minutes"
	defer func() {
		// What the authority says of when to renew goes into arithmetic there.
		if problem := recover(); problem != nil {
			i.logger.Error(failed, "error", problem)
		}
	}()
	if err := cache.RenewManagedCertificates(ctx); err != nil {
		i.logger.Error(failed, "error", err)
	}
}

// start makes the parts of certmagic. Nothing of them is a package's default, which would listen on ports of its own and log to standard
// error.
func (i *issuer) start() {
	i.ctx, i.cancel = context.WithCancel(context.Background())
	logger := zapLogger(i.logger)
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return i.running.Load(), nil },
		Logger:           logger,
	})
	config := certmagic.New(cache, certmagic.Config{
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
	config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(config, settings)}
	i.cache.Store(cache)
	i.running.Store(config)
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
	go i.cache.Load().Stop()
}

// certificate is what there is for a host. It does not wait.
func (i *issuer) certificate(host string) (*tls.Certificate, error) {
	if cache := i.cache.Load(); cache != nil {
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
