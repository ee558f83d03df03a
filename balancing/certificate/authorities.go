package certificate

import (
	"crypto/sha256"
	"crypto/x509"
)

// authorities are the certificates that those of others are verified with.
type authorities struct {
	pool   *x509.CertPool
	list   []*x509.Certificate
	digest [sha256.Size]byte
}

// pool is authorities from a file.
type pool = watched[authorities]

func newPool(path string) *pool {
	return &pool{what: "file of authorities", paths: []string{path}, parse: func(contents [][]byte) (*authorities, *fileError) {
		list, err := parseChain(contents[0])
		if err != nil {
			return nil, &fileError{0, path, err}
		}
		made := &authorities{pool: x509.NewCertPool(), list: list, digest: digest(contents)}
		for _, certificate := range list {
			made.pool.AddCert(certificate)
		}
		return made, nil
	}}
}

// verified reports whether one of the chains ends in one of the authorities.
func (a *authorities) verified(chains [][]*x509.Certificate) bool {
	for _, chain := range chains {
		for _, authority := range a.list {
			if len(chain) > 0 && chain[len(chain)-1].Equal(authority) {
				return true
			}
		}
	}
	return false
}
