package headroom

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Validate says what is wrong with the certificates of a listener. What needs the hosts of a service, or tells a default of all services from
// a service's own, is judged by [Config.Validate].
func (t TLS) Validate(path string) []error {
	found := &findings{}
	for i, certificate := range t.Certificates {
		at := fmt.Sprintf("%s.certificates[%d]", path, i)
		found.add(pemFile(at+".certificate", certificate.Certificate, "shop.pem")...)
		found.add(pemFile(at+".key", certificate.Key, "shop.key")...)
	}
	if t.Clients.Mode != "none" && t.Clients.Mode != "" && t.Clients.CA == "" {
		found.add(&InvalidError{Field: path + ".clients.ca",
			Expected: fmt.Sprintf(`must be given where clients.mode is %s: the PEM file of the authorities that clients' certificates are verified with, such as "clients-ca.pem"`, t.Clients.Mode)})
	}
	found.add(t.ACME.Validate(path + ".acme")...)
	found.add(checkTags(path, t)...)
	return found.errors
}

func pemFile(path, value, example string) []error {
	if strings.TrimSpace(value) != "" {
		return nil
	}
	return []error{&InvalidError{Field: path, Expected: fmt.Sprintf("must name a PEM file, such as %q", example)}}
}

// Validate says what is wrong with how certificates are obtained.
func (a ACME) Validate(path string) []error {
	if !a.Enabled {
		return nil
	}
	found := &findings{}
	directory, err := url.Parse(a.Directory)
	if err != nil || directory.Scheme != "https" || directory.Host == "" {
		found.add(&InvalidError{Field: path + ".directory", Value: strconv.Quote(a.Directory),
			Expected: `must be the https URL of an authority's directory, such as "https://acme-v02.api.letsencrypt.org/directory"`})
	}
	if name, domain, ok := strings.Cut(a.Email, "@"); a.Email != "" && (!ok || name == "" || !isHostName(domain)) {
		found.add(&InvalidError{Field: path + ".email", Value: strconv.Quote(a.Email), Expected: `must be an address, such as "ops@example.com"`})
	}
	return found.errors
}

// Validate says what is wrong with TLS to the backends.
func (t BackendTLS) Validate(path string) []error {
	found := &findings{}
	switch {
	case t.Certificate != "" && t.Key == "":
		found.add(&InvalidError{Field: path + ".key", Expected: `must be given with backendTLS.certificate: the PEM file of its private key, such as "balancer.key"`})
	case t.Certificate == "" && t.Key != "":
		found.add(&InvalidError{Field: path + ".certificate", Expected: `must be given with backendTLS.key: the PEM file of the certificate, such as "balancer.pem"`})
	}
	if t.ServerName != "" && !isHostName(t.ServerName) {
		found.add(&InvalidError{Field: path + ".serverName", Value: strconv.Quote(t.ServerName), Expected: `must be a host name without port, such as "shop.internal"`})
	}
	return found.errors
}

// validateTLS judges the encryption of one service: what would silently not be encrypted or not be verified is a mistake. general are the
// defaults of all services: of those a service may leave unused what it does not need.
func (l LoadBalancing) validateTLS(path string, general LoadBalancing) []error {
	found := &findings{}
	clients := l.TLS.Clients
	if clients.Mode == "none" && clients.CA != "" && clients != general.TLS.Clients && general.TLS.Clients.Mode == "none" {
		found.add(&InvalidError{Field: path + ".tls.clients.mode", Value: `"none"`,
			Expected: "clients.ca is given, but no client is asked for a certificate: must be optional or required, or remove clients.ca"})
	}
	if clients.Mode != "none" && !l.TLS.Enabled() {
		found.add(&InvalidError{Field: path + ".tls.clients.mode", Value: strconv.Quote(clients.Mode),
			Expected: "clients can only show certificates over TLS: give tls.certificates or enable tls.acme"})
	}
	backend := l.BackendTLS
	idle := BackendTLS{Enabled: backend.Enabled}
	if !backend.Enabled && backend != idle && backend != general.BackendTLS && !general.BackendTLS.Enabled {
		found.add(&InvalidError{Field: path + ".backendTLS.enabled", Value: "false",
			Expected: "other fields of backendTLS are given, but backends are spoken to in plain text: must be true, or remove them"})
	}
	found.add(l.validateACME(path)...)
	return found.errors
}

// validateACME holds the hosts of a service to what an authority gives certificates for by TLS-ALPN-01: names, without wildcards.
func (l LoadBalancing) validateACME(path string) []error {
	if !l.TLS.ACME.Enabled {
		return nil
	}
	if l.Protocol == ProtocolTCP {
		return []error{&InvalidError{Field: path + ".tls.acme.enabled", Value: "true",
			Expected: "a service whose protocol is tcp has no hosts to obtain certificates for: give tls.certificates"}}
	}
	if len(l.Hosts) == 0 {
		return []error{&InvalidError{Field: path + ".hosts",
			Expected: `must be given where tls.acme is enabled: the names to obtain certificates for, such as hosts: [shop.example.com]`}}
	}
	found := &findings{}
	for i, host := range l.Hosts {
		if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") || strings.HasPrefix(host, "*") {
			found.add(&InvalidError{Field: fmt.Sprintf("%s.hosts[%d]", path, i), Value: strconv.Quote(host),
				Expected: `must be a full name where tls.acme is enabled, since authorities give certificates for those, such as "shop.example.com"`})
		}
	}
	return found.errors
}
