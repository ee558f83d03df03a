package certificate

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// ticketRotation is how long one secret encrypts tickets. Who has a secret can read the recorded connections that were resumed with
	// tickets of TLS 1.2, so secrets are short-lived and never leave the memory.
	ticketRotation = 12 * time.Hour
	// ticketSecrets is how many secrets decrypt tickets: the current one and two before, so a ticket can be used for 24 to 36 hours.
	// Most browsers keep them for a day.
	ticketSecrets = 3
)

// tickets has the secrets from which the keys of session tickets are derived. crypto/tls makes keys by itself, but those end with their
// tls.Config, and each change of the configuration makes a new one: all clients would have to do full handshakes at once.
type tickets struct {
	mu      sync.Mutex // guards changes of current
	current atomic.Pointer[secrets]
}

// secrets are those in force at a time, the newest first.
type secrets struct {
	list []secret
}

type secret struct {
	value [32]byte
	made  time.Time
}

func newTickets() *tickets {
	t := &tickets{}
	t.current.Store(&secrets{})
	return t
}

// at returns the secrets in force, always the same pointer until the next rotation.
func (t *tickets) at(now time.Time) *secrets {
	if current := t.current.Load(); current.valid(now) {
		return current
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if current := t.current.Load(); current.valid(now) {
		return current
	}
	next := &secrets{list: []secret{{made: now}}}
	rand.Read(next.list[0].value[:]) // never fails: it ends the process rather than return without randomness
	for _, old := range t.current.Load().list {
		if now.Sub(old.made) < ticketSecrets*ticketRotation && len(next.list) < ticketSecrets {
			next.list = append(next.list, old)
		}
	}
	t.current.Store(next)
	return next
}

func (s *secrets) valid(now time.Time) bool {
	return len(s.list) > 0 && now.Sub(s.list[0].made) < ticketRotation
}

// keys derives ticket keys for a realm (HKDF, RFC 5869). A ticket of one realm is worth nothing in another.
func (s *secrets) keys(realm string) ([][32]byte, error) {
	keys := make([][32]byte, len(s.list))
	for i, secret := range s.list {
		key, err := hkdf.Key(sha256.New, secret.value[:], nil, "headroom session tickets\x00"+realm, 32)
		if err != nil {
			return nil, err
		}
		keys[i] = [32]byte(key)
	}
	return keys, nil
}
