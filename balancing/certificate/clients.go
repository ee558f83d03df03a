package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"headroom.dev/headroom"
)

// clientRule says which certificates clients of a service must or may show.
type clientRule struct {
	auth tls.ClientAuthType
	pool *pool // nil where none is asked for
}

func (k *Keeper) newClientRule(path string, settings headroom.ClientCertificates) (clientRule, error) {
	rule := clientRule{}
	switch settings.Mode {
	case "", "none":
		return rule, nil
	case "optional":
		rule.auth = tls.VerifyClientCertIfGiven
	case "required":
		rule.auth = tls.RequireAndVerifyClientCert
	default:
		return rule, invalid(path+".mode", settings.Mode, "must be none, optional or required")
	}
	if settings.CA == "" {
		return rule, invalid(path+".ca", "", fmt.Sprintf(
			`must name the PEM file of the authorities that clients are verified with when mode is %s, such as "clients-ca.pem"`, settings.Mode))
	}
	p, problem := k.pool(settings.CA)
	if problem != nil {
		return rule, invalid(path+".ca", problem.path, problem.err.Error())
	}
	rule.pool = p
	return rule, nil
}

// realm is what of the rule separates session tickets: a session that was begun under other authorities must not be resumed.
func (r clientRule) realm() string {
	if r.pool == nil {
		return "none"
	}
	return fmt.Sprintf("%d %x", r.auth, r.pool.current.Load().digest)
}

// Client returns the certificate with which a client has proved to a service who it is, nil if with none, and whether its
// requests may go to the service. They may not where the service requires a certificate that its authorities verify and the connection
// has none: the client began it with the name of another service, and must get 421 (RFC 9110 §15.5.20) so that it begins another. It
// judges by the table and the files of now, and allows nothing for a service without TLS in that table. It does not allocate.
func (k *Keeper) Client(service string, state *tls.ConnectionState) (certificate *x509.Certificate, allowed bool) {
	rule, known := (*k.rules.Load())[service]
	if rule.pool == nil {
		return nil, known
	}
	if len(state.PeerCertificates) > 0 && rule.pool.current.Load().verified(state.VerifiedChains) {
		return state.PeerCertificates[0], true
	}
	return nil, rule.auth != tls.RequireAndVerifyClientCert
}
