package limit

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	sharedShards = 64
	// current is how long what was heard of a key stands for what there is. A key in use is asked about several times as often; one that was
	// not used for so long may have got some of its allowance back since.
	current = 250 * time.Millisecond
	// plenty is how many times what is expected must be left of a key for no tokens to be leased: what passes until the next exchange is
	// charged then.
	plenty = 8
)

// Shared counts a limit together with other balancers. Whoever keeps the common count, the ledger, is asked between requests and never on
// their path: tokens are leased ahead for the keys that are near their limit, and what passed without one is charged afterwards. So what
// passes in all is what the limit allows; only what comes for one key in the few milliseconds before the ledger is first asked about it may
// pass more than once, and is taken from what passes later.
//
// While the ledger is away each balancer gives its share, the limit divided by how many balancers there are.
type Shared struct {
	shards    [sharedShards]sharedShard
	perShard  int // keys
	away      atomic.Bool
	balancers atomic.Int64
	crowded   atomic.Uint64
	hurried   atomic.Pointer[func()]
}

// Joint is a limit that several balancers count together.
type Joint struct {
	Name   string // the same in all of them
	Rate   Rate
	Shared *Shared
}

type sharedShard struct {
	mu      sync.Mutex // guards what follows
	keys    map[uint64]*sharedKey
	waiting []*sharedKey // for the next exchange
}

// sharedKey is one key as this balancer knows it. Counts are of requests, times nanoseconds of our clock.
type sharedKey struct {
	id       ID
	tokens   int64 // leased, charged already
	owed     int64 // passed and not charged yet
	left     int64 // may pass beyond the tokens before we hear of the ledger again
	demand   int64 // came since the last exchange, refused ones included
	expected int64 // to come until the next
	tat      int64 // in the ledger when last heard, and what has passed here since
	heard    int64 // when left was last known
	charging int64 // in the exchange under way
	shareTAT int64 // of our share, while the ledger is away
	queued   bool
	shard    uint64
}

// ID names a key in the ledger: a digest, so that the ledger learns no addresses and no secrets.
type ID [16]byte

// NewShared makes a limit shared for at most about this many keys.
func NewShared(keys int) *Shared {
	s := &Shared{perShard: max(1, keys/sharedShards)}
	for i := range s.shards {
		s.shards[i].keys = map[uint64]*sharedKey{}
	}
	s.balancers.Store(1)
	s.away.Store(true) // until somebody keeps the ledger
	return s
}

// OnHurry has f called where a key is in use of which the ledger should hear soon. It must not wait.
func (s *Shared) OnHurry(f func()) { s.hurried.Store(&f) }

// SetAway says whether the ledger is away, and how many balancers there are, this one included.
func (s *Shared) SetAway(away bool, balancers int64) {
	s.balancers.Store(max(1, balancers))
	s.away.Store(away)
}

// Away reports whether the ledger is away.
func (s *Shared) Away() bool { return s.away.Load() }

// Crowded is how many requests since the start were refused since there was no room for their key.
func (s *Shared) Crowded() uint64 { return s.crowded.Load() }

// Take counts a request of a key, given by a hash that no client can foresee; identify makes its ID, where it was not there. Look asks only.
// Safe for concurrent use; it allocates for keys that were not there.
func (s *Shared) Take(rate Rate, key uint64, identify func() ID, now, cost int64, look bool) Verdict {
	shard := &s.shards[key%sharedShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	k := shard.keys[key]
	if k == nil {
		if k = shard.admit(s.perShard, now); k == nil {
			s.crowded.Add(1)
			return Verdict{Retry: current}
		}
		k.id, k.shard, shard.keys[key] = identify(), key%sharedShards, k
	}
	if s.away.Load() {
		return k.share(rate, s.balancers.Load(), now, cost, look)
	}
	if now-k.heard > int64(current) {
		k.left = max(0, (rate.tolerance()-max(0, k.tat-now))/rate.Interval)
		k.heard = now
		if !look {
			s.hurry()
		}
	}
	allowed := k.tokens >= cost || k.left >= cost
	if look {
		return k.verdict(rate, now, cost, allowed)
	}
	k.demand += cost
	if !k.queued {
		k.queued = true
		shard.waiting = append(shard.waiting, k)
	}
	switch {
	case k.tokens >= cost:
		k.tokens -= cost
	case allowed:
		k.left -= cost
		k.owed += cost
		k.tat = max(k.tat, now) + rate.Interval*cost
	}
	return k.verdict(rate, now, cost, allowed)
}

func (s *Shared) hurry() {
	if f := s.hurried.Load(); f != nil {
		(*f)()
	}
}

// admit makes room for another key: where there is none, one of eight that has its full allowance or, if none has, the most of it goes, as
// long as nothing of it is to be charged. What it has used stays with the newcomer, as in Table.
func (shard *sharedShard) admit(most int, now int64) *sharedKey {
	if len(shard.keys) < most {
		return &sharedKey{tat: now, heard: now - int64(current) - 1}
	}
	var victim uint64
	var found *sharedKey
	looked := 0
	for key, k := range shard.keys { // in random order
		if looked++; looked > ways {
			break
		}
		if !k.queued && k.charging == 0 && (found == nil || k.tat < found.tat) {
			victim, found = key, k
		}
	}
	if found == nil {
		return nil
	}
	delete(shard.keys, victim)
	return &sharedKey{tat: max(now, found.tat), heard: now - int64(current) - 1}
}

// share counts by our share of the limit.
func (k *sharedKey) share(rate Rate, balancers, now, cost int64, look bool) Verdict {
	own := Rate{Interval: rate.Interval * balancers, Burst: max(1, rate.Burst/balancers)}
	next, allowed := own.take(k.shareTAT, now, cost)
	if !allowed {
		next = k.shareTAT
	}
	if !look {
		k.shareTAT = next
	}
	v := own.verdict(next, now, cost, allowed)
	v.Fallback = true
	return v
}

func (k *sharedKey) verdict(rate Rate, now, cost int64, allowed bool) Verdict {
	v := rate.verdict(k.tat, now, cost, allowed)
	v.Remaining = min(v.Remaining, k.left) + k.tokens
	return v
}

// Claim is what the ledger is asked of one key: to charge what has passed, less what is given back, and to lease tokens as far as there are some.
type Claim struct {
	ID     ID
	Charge int64 // may be negative
	Want   int64
	key    *sharedKey
}

// Claims takes what is to be asked now.
func (s *Shared) Claims(rate Rate) []Claim {
	var claims []Claim
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		waiting := shard.waiting
		shard.waiting = nil
		for _, k := range waiting {
			k.queued = false
			claims = append(claims, k.claim(rate))
		}
		shard.mu.Unlock()
	}
	return claims
}

// claim leases for as much as came since the last exchange, or about as much before. A key that nobody asks for any more gives back what it has.
func (k *sharedKey) claim(rate Rate) Claim {
	c := Claim{ID: k.id, Charge: k.owed, key: k}
	if k.demand == 0 {
		c.Charge -= k.tokens
		k.tokens, k.expected = 0, 0
	} else {
		k.expected = max(k.demand, (k.expected+k.demand)/2)
		if k.left < plenty*k.expected {
			c.Want = min(rate.Burst, max(0, k.expected-k.tokens))
		}
	}
	k.charging, k.owed, k.demand = c.Charge, 0, 0
	return c
}

// Answer is what the ledger says of one key: how many tokens it leases, and how far ahead of its clock the key's TAT is after that.
type Answer struct {
	Granted int64
	Ahead   time.Duration
}

// Settle takes the answer to a claim.
func (s *Shared) Settle(rate Rate, claim Claim, answer Answer, now int64) {
	s.lock(claim, func(shard *sharedShard, k *sharedKey) {
		k.charging = 0
		k.tokens += answer.Granted
		k.tat = now + int64(answer.Ahead) + rate.Interval*k.owed
		k.left = max(0, (rate.tolerance()-(k.tat-now))/rate.Interval)
		k.heard = now
		if k.tokens > 0 && !k.queued { // to give them back if nobody comes
			k.queued = true
			shard.waiting = append(shard.waiting, k)
		}
	})
}

// Fail takes back a claim that was not answered: what it charged is owed still. It may have been charged before the answer was lost, and is
// charged twice then: rather too much than too little.
func (s *Shared) Fail(claim Claim) {
	s.lock(claim, func(shard *sharedShard, k *sharedKey) {
		k.owed += k.charging
		k.charging = 0
		if k.owed != 0 && !k.queued {
			k.queued = true
			shard.waiting = append(shard.waiting, k)
		}
	})
}

func (s *Shared) lock(claim Claim, f func(shard *sharedShard, k *sharedKey)) {
	shard := &s.shards[claim.key.shard]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	f(shard, claim.key)
}
