package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// The files of a pair, as fileError counts them.
const (
	certificateFile = iota
	keyFile
)

// pairFiles names a certificate and its key.
type pairFiles struct{ certificate, key string }

// pair is a certificate with its key, from two files.
type pair = watched[tls.Certificate]

func newPair(files pairFiles) *pair {
	paths := []string{certificateFile: files.certificate, keyFile: files.key}
	return &pair{what: "certificate", paths: paths, parse: func(contents [][]byte) (*tls.Certificate, *fileError) {
		made, index, err := parsePair(contents[certificateFile], contents[keyFile], files)
		if err != nil {
			return nil, &fileError{index, paths[index], err}
		}
		return made, nil
	}}
}

// parsePair makes a certificate with its key of PEM. On an error, index says which file it is about.
func parsePair(certificate, key []byte, files pairFiles) (made *tls.Certificate, index int, err error) {
	chain, err := parseChain(certificate)
	if err != nil {
		return nil, certificateFile, err
	}
	if err := checkKey(key); err != nil {
		return nil, keyFile, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, keyFile, keyError(err, chain[0], files)
	}
	pair.Leaf = chain[0]
	return &pair, 0, nil
}

// parseChain reads all certificates of a PEM file, of which there must be one at least.
func parseChain(content []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	var other string // a block of another kind
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			other = block.Type
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d in it cannot be read: %w", len(chain)+1, err)
		}
		chain = append(chain, certificate)
	}
	switch {
	case len(chain) > 0:
		return chain, nil
	case len(bytes.TrimSpace(content)) == 0:
		return nil, errors.New("is empty")
	case other != "":
		return nil, fmt.Errorf("has no certificate but a block %q", other)
	}
	return nil, errors.New(`is not PEM: must have a block that begins with "-----BEGIN CERTIFICATE-----"`)
}

// checkKey says what is wrong with a key in ways that crypto/tls words less plainly.
func checkKey(content []byte) error {
	var other string
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return errors.New("is protected by a passphrase, for which nobody is there to ask: decrypt it with openssl pkey -in KEY -out PLAINKEY")
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return nil
		}
		other = block.Type
	}
	switch {
	case len(bytes.TrimSpace(content)) == 0:
		return errors.New("is empty")
	case other != "":
		return fmt.Errorf("has no private key but a block %q", other)
	}
	return errors.New(`is not PEM: must have a block that begins with "-----BEGIN PRIVATE KEY-----"`)
}

// keyError words why a key cannot be used. The certificate is known to be well-formed, so it is the key, or the two do not match.
func keyError(err error, leaf *x509.Certificate, files pairFiles) error {
	if strings.Contains(err.Error(), "does not match") {
		return fmt.Errorf("is not the key of the first certificate in %s, which is for %s: the server's own must come first",
			files.certificate, strings.Join(subjects(leaf), ", "))
	}
	return fmt.Errorf("has a private key that cannot be used: %w", err)
}

// subjects are the names that a certificate is for, lower case: the DNS names, and the common name where it has none of those, as
// certificates before 2000 (RFC 2818) and many of test environments have.
func subjects(leaf *x509.Certificate) []string {
	names := make([]string, 0, len(leaf.DNSNames)+len(leaf.IPAddresses))
	for _, name := range leaf.DNSNames {
		names = append(names, strings.ToLower(name))
	}
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = append(names, strings.ToLower(leaf.Subject.CommonName))
	}
	return names
}
