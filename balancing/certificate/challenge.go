package certificate

import (
	"crypto/tls"
	"errors"
)

// acmeProtocol is what the authority offers alone by ALPN when it looks whether a host is ours (RFC 8737 §6.2).
const acmeProtocol = "acme-tls/1"

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
			config := i.running.Load()
			if config == nil {
				return nil, errors.New("no certificate is being obtained yet")
			}
			return config.GetCertificate(hello)
		},
	}
}
