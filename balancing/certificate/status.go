package certificate

import (
	"cmp"
	"crypto/x509"
	"slices"
	"time"
)

// Where certificates come from.
const (
	SourceFile = "file"
	SourceACME = "acme"
)

// Status is what there is to know of one certificate.
type Status struct {
	Names     []string  // that it is for; the host for which it is being obtained
	Issuer    string    // common name of who issued it, or the organization's; empty where there is none yet
	NotBefore time.Time // from when it is valid; zero where there is none yet
	NotAfter  time.Time // until when it is valid; zero where there is none yet
	Source    string    // SourceFile or SourceACME
	File      string    // it was read from; empty for SourceACME
	Error     string    // why it is not what the file has now, or why it was not obtained or renewed; empty where all is well
}

// Status lists the certificates of the table in force, those shown to backends included, the one that expires first in front. It is
// for reports: it does not look at files or the network.
func (k *Keeper) Status() []Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []Status
	for files, p := range k.current.pairs {
		s := statusOf(p.current.Load().Leaf, SourceFile)
		s.File = files.certificate
		if problem := p.problem(); problem != nil {
			s.Error = problem.Error()
		}
		list = append(list, s)
	}
	for _, o := range k.current.issuing {
		for _, host := range o.hosts {
			list = append(list, o.issuer.status(host))
		}
	}
	slices.SortFunc(list, func(a, b Status) int {
		return cmp.Or(a.NotAfter.Compare(b.NotAfter), slices.Compare(a.Names, b.Names), cmp.Compare(a.File, b.File))
	})
	return list
}

func statusOf(leaf *x509.Certificate, source string) Status {
	s := Status{Names: subjects(leaf), Issuer: leaf.Issuer.CommonName, NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Source: source}
	if s.Issuer == "" && len(leaf.Issuer.Organization) > 0 {
		s.Issuer = leaf.Issuer.Organization[0]
	}
	return s
}

func (i *issuer) status(host string) Status {
	s := Status{Names: []string{host}, Source: SourceACME}
	have, err := i.certificate(host)
	if err == nil {
		s = statusOf(have.Leaf, SourceACME)
	}
	i.noting.Lock()
	defer i.noting.Unlock()
	if problem := i.problems[host]; problem != nil {
		s.Error = problem.Error()
	}
	return s
}
