package redis

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/limit"
)

const (
	// shortest and longest are between exchanges, at random, so that all balancers get their turn at what comes back.
	shortest, longest = 50 * time.Millisecond, 100 * time.Millisecond
	// soon is how long after an exchange the next may come where a key waits that the ledger was not asked about yet.
	soon = 5 * time.Millisecond
	// presence is how often we say that we are there.
	presence = time.Second
)

// Keeper keeps shared limits in step with the other balancers', until Close. It is safe for concurrent use.
type Keeper struct {
	logger *slog.Logger
	id     string
	wake   chan struct{}
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu       sync.Mutex // guards what follows, and the client of the ledger
	limits   []limit.Joint
	clock    func() int64 // of the limits
	settings headroom.Redis
	ledger   *ledger // nil where no Redis is configured

	here        bool // the loop's own, as what follows: Redis has answered last
	asked       bool // Redis was asked at all
	balancers   int64
	presentedAt int64
}

// NewKeeper makes a keeper without a Redis: limits are counted by this balancer alone.
func NewKeeper(logger *slog.Logger) *Keeper {
	ctx, stop := context.WithCancel(context.Background())
	k := &Keeper{logger: logger, id: fmt.Sprintf("%016x", rand.Uint64()), wake: make(chan struct{}, 1), stop: stop, balancers: 1}
	k.done.Go(func() { k.run(ctx) })
	return k
}

// Configure changes which Redis it is. On an error the one before stays.
func (k *Keeper) Configure(settings headroom.Redis) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if settings == k.settings {
		return nil
	}
	var next *ledger
	if settings.Address != "" {
		var err error
		if next, err = open(settings, k.id); err != nil {
			return err
		}
	}
	if k.ledger != nil {
		k.ledger.client.Close()
	}
	k.settings, k.ledger = settings, next
	return nil
}

// Share says which limits there are from now on, and the clock that they are asked with.
func (k *Keeper) Share(limits []limit.Joint, clock func() int64) {
	k.mu.Lock()
	k.limits, k.clock = limits, clock
	k.mu.Unlock()
	for _, l := range limits {
		l.Shared.OnHurry(k.hurry)
	}
	k.hurry()
}

func (k *Keeper) hurry() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Close ends it.
func (k *Keeper) Close() {
	k.stop()
	k.done.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ledger != nil {
		k.ledger.client.Close()
		k.ledger = nil
	}
}

func (k *Keeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		k.mu.Lock()
		limits, ledger, clock := k.limits, k.ledger, k.clock
		k.mu.Unlock()
		wait := presence // a Redis may have been configured
		switch {
		case ledger == nil:
			k.here, k.asked = false, false
			for _, one := range limits {
				one.Shared.SetAway(true, 1)
			}
		case len(limits) > 0:
			k.step(ctx, ledger, limits, clock)
			if k.here {
				time.Sleep(soon)
				wait = shortest + rand.N(longest-shortest)
			}
		}
		select {
		case <-ctx.Done():
		case <-k.wake:
		case <-time.After(wait):
		}
	}
}

// step is one exchange about all limits.
func (k *Keeper) step(ctx context.Context, l *ledger, limits []limit.Joint, clock func() int64) {
	err := k.exchange(ctx, l, limits, clock)
	if err != nil {
		k.mu.Lock()
		l.renew()
		k.mu.Unlock()
	}
	if here := err == nil; here != k.here || !k.asked {
		switch {
		case !here && ctx.Err() == nil:
			k.logger.Warn("cannot reach Redis: shared rate limits are counted by this balancer's share", "address", l.client.Options().Addr, "balancers", k.balancers, "error", err)
		case here:
			k.logger.Info("shared rate limits are counted in Redis", "address", l.client.Options().Addr, "balancers", k.balancers)
		}
		k.here, k.asked = here, true
	}
	for _, one := range limits {
		one.Shared.SetAway(!k.here, k.balancers)
	}
}

func (k *Keeper) exchange(ctx context.Context, l *ledger, limits []limit.Joint, clock func() int64) error {
	if now := clock(); !k.here || now-k.presentedAt > int64(presence) {
		limited, cancel := context.WithTimeout(ctx, answerTime)
		n, err := l.present(limited)
		cancel()
		if err != nil {
			return err
		}
		k.balancers, k.presentedAt = n, now
	}
	var failed error
	for _, one := range limits {
		claims := one.Shared.Claims(one.Rate)
		for len(claims) > 0 {
			part := claims[:min(len(claims), perExchange)]
			claims = claims[len(part):]
			answers, err := []limit.Answer(nil), failed
			if failed == nil {
				limited, cancel := context.WithTimeout(ctx, answerTime)
				answers, err = l.exchange(limited, one.Name, one.Rate, part)
				cancel()
			}
			now := clock()
			for i, c := range part {
				if err != nil {
					one.Shared.Fail(c)
					continue
				}
				one.Shared.Settle(one.Rate, c, answers[i], now)
			}
			failed = err
		}
	}
	return failed
}
