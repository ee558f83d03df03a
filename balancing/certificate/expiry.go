package certificate

import (
	"crypto/x509"
	"strings"
	"time"
)

const (
	// warnBefore is how long before a certificate's end it is told of: two weeks, in which somebody is there even over holidays; for
	// certificates that live for weeks or days only, a fifth of their life.
	warnBefore = 14 * 24 * time.Hour
	warnShare  = 5
	// warnEvery is how often it is told of.
	warnEvery = 24 * time.Hour
)

// ending reports whether a certificate ends soon or has ended.
func ending(leaf *x509.Certificate, now time.Time) bool {
	return leaf.NotAfter.Sub(now) < min(warnBefore, leaf.NotAfter.Sub(leaf.NotBefore)/warnShare)
}

// warn logs which certificates end soon or have ended, each once a day; warned has when each was told of last. Those from an authority are
// renewed a third of their life before their end, so that one which comes here could not be renewed for long.
func (k *Keeper) warn(now time.Time, warned map[string]time.Time) {
	for _, leaf := range k.leaves() {
		id := string(leaf.Raw)
		if !ending(leaf, now) || now.Sub(warned[id]) < warnEvery {
			continue
		}
		warned[id] = now
		log := k.options.Logger.With("names", strings.Join(subjects(leaf), ", "), "notAfter", leaf.NotAfter)
		if left := leaf.NotAfter.Sub(now); left > 0 {
			log.Warn("a certificate ends soon", "left", left.Round(time.Minute))
			continue
		}
		log.Error("a certificate has ended; clients refuse it")
	}
	for id, at := range warned {
		if now.Sub(at) > 2*warnEvery {
			delete(warned, id)
		}
	}
}

// leaves are the certificates of the table in force.
func (k *Keeper) leaves() []*x509.Certificate {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []*x509.Certificate
	for _, p := range k.current.pairs {
		list = append(list, p.current.Load().Leaf)
	}
	for _, o := range k.current.issuing {
		for _, host := range o.hosts {
			if have, err := o.issuer.certificate(host); err == nil {
				list = append(list, have.Leaf)
			}
		}
	}
	return list
}
