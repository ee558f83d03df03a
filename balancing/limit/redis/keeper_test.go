package redis

import (
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/limit"
)

// cluster is several balancers that share one limit in a Redis, in virtual time.
type cluster struct {
	t         *testing.T
	redis     *miniredis.Miniredis
	offset    time.Duration // of Redis' clock
	now       int64
	rate      limit.Rate
	balancers []*balancer
	random    *rand.Rand
}

type balancer struct {
	keeper  *Keeper
	ledger  *ledger
	joint   limit.Joint
	next    int64 // exchange
	urgent  bool
	allowed int
	refused int
	shared  int // by the share, while Redis was away
}

var epoch = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newCluster(t *testing.T, n int, rate limit.Rate) *cluster {
	c := &cluster{t: t, redis: miniredis.RunT(t), rate: rate, random: rand.New(rand.NewPCG(7, 7))}
	for i := range n {
		l, err := open(headroom.Redis{Address: c.redis.Addr(), Prefix: "test"}, string(rune('a'+i)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.client.Close() })
		b := &balancer{keeper: &Keeper{logger: slog.New(slog.DiscardHandler), balancers: 1}, ledger: l}
		b.joint = limit.Joint{Name: "shop:l", Rate: rate, Shared: limit.NewShared(1000)}
		b.joint.Shared.OnHurry(func() { b.urgent = true })
		c.balancers = append(c.balancers, b)
	}
	c.exchangeAll() // each learns of those before it
	c.exchangeAll()
	return c
}

func (c *cluster) exchange(b *balancer) {
	c.redis.SetTime(epoch.Add(c.offset + time.Duration(c.now)))
	b.keeper.step(context.Background(), b.ledger, []limit.Joint{b.joint}, func() int64 { return c.now })
	b.next = c.now + int64(shortest) + c.random.Int64N(int64(longest-shortest))
	b.urgent = false
	if !b.keeper.here {
		b.next = c.now + int64(presence)
	}
}

func (c *cluster) exchangeAll() {
	for _, b := range c.balancers {
		b.keeper.presentedAt = math.MinInt64 / 2
		c.exchange(b)
	}
}

// tick is how finely virtual time passes.
const tick = int64(2 * time.Millisecond)

// run sends requests of one key to each balancer at random times, so many a second, for a span.
func (c *cluster) run(span time.Duration, perSecond ...float64) {
	end := c.now + int64(span)
	for ; c.now < end; c.now += tick {
		c.redis.FastForward(time.Duration(tick)) // its keys expire
		for i, b := range c.balancers {
			for range c.poisson(perSecond[i] * time.Duration(tick).Seconds()) {
				v := b.joint.Shared.Take(c.rate, 7, func() limit.ID { return limit.ID{7} }, c.now, 1, false)
				if v.Fallback {
					b.shared++
				}
				if v.Allowed {
					b.allowed++
				} else {
					b.refused++
				}
			}
			if c.now >= b.next || b.urgent && b.keeper.here && c.now >= b.next-int64(shortest-soon) {
				c.exchange(b)
			}
		}
	}
}

func (c *cluster) poisson(mean float64) (n int) {
	for p, below := c.random.Float64(), math.Exp(-mean); p > below; p *= c.random.Float64() {
		n++
	}
	return n
}

func (c *cluster) sum() (allowed, refused, shared int) {
	for _, b := range c.balancers {
		allowed, refused, shared = allowed+b.allowed, refused+b.refused, shared+b.shared
	}
	return allowed, refused, shared
}

func TestThreeBalancersKeepALimitWithinTwoPercentOverAMinute(t *testing.T) {
	for name, test := range map[string]struct {
		rate      limit.Rate
		perSecond []float64
		want      float64 // in the minute, but for the burst
	}{
		"three times too many":  {limit.Rate{Interval: int64(10 * time.Millisecond), Burst: 20}, []float64{100, 100, 100}, 6000},
		"unequally spread":      {limit.Rate{Interval: int64(10 * time.Millisecond), Burst: 20}, []float64{250, 30, 5}, 6000},
		"a flood":               {limit.Rate{Interval: int64(10 * time.Millisecond), Burst: 20}, []float64{500, 500, 500}, 6000},
		"slightly too many":     {limit.Rate{Interval: int64(10 * time.Millisecond), Burst: 20}, []float64{36, 36, 36}, 6000},
		"two a second, burst 3": {limit.Rate{Interval: int64(500 * time.Millisecond), Burst: 3}, []float64{10, 10, 10}, 120},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 3, test.rate)
			c.run(time.Minute, test.perSecond...)
			allowed, refused, shared := c.sum()
			low, high := test.want*0.98, test.want*1.02+float64(test.rate.Burst)
			t.Logf("%d passed of %d, want %.0f; %d by the share", allowed, allowed+refused, test.want, shared)
			if float64(allowed) < low || float64(allowed) > high {
				t.Errorf("%d passed, want %.0f to %.0f", allowed, low, high)
			}
		})
	}
}

func TestWhoKeepsToTheLimitIsNeverRefused(t *testing.T) {
	c := newCluster(t, 3, limit.Rate{Interval: int64(10 * time.Millisecond), Burst: 100})
	c.run(time.Minute, 20, 20, 20)
	if allowed, refused, _ := c.sum(); refused > 0 || allowed < 3000 {
		t.Errorf("%d passed and %d were refused", allowed, refused)
	}
}

func TestRedisClockMayBeSet(t *testing.T) {
	for name, step := range map[string]time.Duration{"back": -time.Hour, "forward": time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 3, limit.Rate{Interval: int64(10 * time.Millisecond), Burst: 20})
			c.run(30*time.Second, 100, 100, 100)
			c.offset = step
			c.run(30*time.Second, 100, 100, 100)
			if allowed, _, _ := c.sum(); allowed < 5880 || allowed > 6120+40 { // forward gives the burst once more
				t.Errorf("%d passed, want 6000", allowed)
			}
		})
	}
}

func TestEachBalancerGivesItsShareWhileRedisIsAway(t *testing.T) {
	c := newCluster(t, 3, limit.Rate{Interval: int64(10 * time.Millisecond), Burst: 30})
	c.run(20*time.Second, 100, 100, 100)
	before, _, none := c.sum()
	c.redis.Close()
	c.run(20*time.Second, 100, 100, 100)
	away, _, shared := c.sum()
	c.redis.Restart() // and what it knew is gone
	c.redis.FlushAll()
	c.run(20*time.Second, 100, 100, 100)
	all, _, after := c.sum()
	if none != 0 || shared < 5000 || after > shared+300 {
		t.Errorf("%d, %d and %d were counted by the share", none, shared, after)
	}
	for name, passed := range map[string]int{"before": before, "away": away - before, "after": all - away} {
		t.Logf("%s: %d", name, passed)
		if passed < 1960 || passed > 2040+30 {
			t.Errorf("%s: %d passed, want 2000", name, passed)
		}
	}
}

func TestTheLedgerHoldsNoKeyForLongerThanItMatters(t *testing.T) {
	c := newCluster(t, 1, limit.Rate{Interval: int64(100 * time.Millisecond), Burst: 20})
	c.run(time.Second, 50)
	if keys := c.redis.Keys(); len(keys) != 2 { // and the balancers
		t.Fatalf("there are %v", keys)
	}
	c.run(3*time.Second, 0)
	if keys := c.redis.Keys(); len(keys) != 1 {
		t.Errorf("after 3 s there are %v", keys)
	}
}
