package certificate

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// ticketRotation is how long one secret encrypts tickets. Who has a secret can read the recorded connections that were resumed with
	// tickets of TLS 1.2, so secrets are short-lived, and the file that keeps them is of nobody but its owner and has no older ones.
	ticketRotation = 12 * time.Hour
	// ticketSecrets is how many secrets decrypt tickets: the current one and two before, so a ticket can be used for 24 to 36 hours.
	// Most browsers keep them for a day.
	ticketSecrets = 3
)

// tickets has the secrets from which the keys of session tickets are derived. crypto/tls makes keys by itself, but those end with their
// tls.Config, and each change of the configuration makes a new one: all clients would have to do full handshakes at once. So they would after
// a restart or an upgrade of the program, if the secrets were not kept in a file as well.
type tickets struct {
	file    ticketFile
	logger  *slog.Logger
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

func newTickets(file ticketFile, logger *slog.Logger) *tickets {
	t := &tickets{file: file, logger: logger}
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
	next := t.newest(now)
	if !next.valid(now) {
		next = next.rotate(now)
		if err := t.file.write(next.list); err != nil {
			t.logger.Warn("cannot keep the secrets of TLS session tickets; clients will have to do full handshakes after a restart", "error", err)
		}
	}
	t.current.Store(next)
	return next
}

// newest returns the secrets of the file where they are newer than ours: another process, the one before or after this, has made them.
func (t *tickets) newest(now time.Time) *secrets {
	current := t.current.Load()
	list, err := t.file.read(now)
	if err != nil {
		t.logger.Warn("cannot use the secrets of TLS session tickets that were kept; new ones are made", "error", err)
	}
	if len(list) > 0 && (len(current.list) == 0 || list[0].made.After(current.list[0].made)) {
		return &secrets{list: list}
	}
	return current
}

// rotate makes a new secret, and keeps those before it that still count.
func (s *secrets) rotate(now time.Time) *secrets {
	next := &secrets{list: []secret{{made: now}}}
	rand.Read(next.list[0].value[:]) // never fails: it ends the process rather than return without randomness
	for _, old := range s.list {
		if now.Sub(old.made) < ticketSecrets*ticketRotation && len(next.list) < ticketSecrets {
			next.list = append(next.list, old)
		}
	}
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
