package limit

import (
	"math/rand/v2"
	"testing"
	"time"
)

func one() ID { return ID{1} }

// Ten a second with a burst of ten, worked out by hand.
func TestWhatPassesBeforeTheLedgerIsAskedIsChargedThen(t *testing.T) {
	rate, s := Rate{Interval: 100 * ms, Burst: 10}, NewShared(100)
	s.SetAway(false, 3)
	hurried := 0
	s.OnHurry(func() { hurried++ })
	for range 4 {
		if v := s.Take(rate, 7, one, 0, 1, false); !v.Allowed || v.Fallback {
			t.Fatalf("%+v", v)
		}
	}
	claims := s.Claims(rate)
	if hurried != 1 || len(claims) != 1 || claims[0].ID != one() || claims[0].Charge != 4 || claims[0].Want != 4 {
		t.Fatalf("hurried %d times, claims %+v", hurried, claims)
	}
	// Others have used five: with ours nine, so that one can be leased, and nothing is left.
	s.Settle(rate, claims[0], Answer{Granted: 1, Ahead: time.Second}, 10*ms)
	for i, want := range []bool{true, false, false} {
		if v := s.Take(rate, 7, one, 11*ms, 1, false); v.Allowed != want {
			t.Errorf("%d: %+v", i, v)
		}
	}
	claims = s.Claims(rate)
	if claims[0].Charge != 0 || claims[0].Want != 3 {
		t.Errorf("then it claims %+v", claims[0])
	}
}

func TestTokensThatNobodyNeedsAreGivenBack(t *testing.T) {
	rate, s := Rate{Interval: 100 * ms, Burst: 10}, NewShared(100)
	s.SetAway(false, 1)
	s.Take(rate, 7, one, 0, 1, false)
	s.Settle(rate, s.Claims(rate)[0], Answer{Granted: 1, Ahead: time.Second}, 1)
	if claims := s.Claims(rate); len(claims) != 1 || claims[0].Charge != -1 || claims[0].Want != 0 {
		t.Fatalf("it claims %+v", claims)
	}
	if claims := s.Claims(rate); len(claims) != 0 {
		t.Errorf("and then %+v", claims)
	}
}

func TestWhatWasNotAnsweredIsOwedStill(t *testing.T) {
	rate, s := Rate{Interval: 100 * ms, Burst: 10}, NewShared(100)
	s.SetAway(false, 1)
	s.Take(rate, 7, one, 0, 3, false)
	s.Fail(s.Claims(rate)[0])
	if claims := s.Claims(rate); len(claims) != 1 || claims[0].Charge != 3 {
		t.Errorf("it claims %+v", claims)
	}
}

func TestAFloodOfKeysNeitherGrowsNorFreesALimitedKeyWhereLimitsAreSharedToo(t *testing.T) {
	rate, s := Rate{Interval: int64(time.Minute), Burst: 5}, NewShared(640)
	s.SetAway(false, 1)
	ledger := map[ID]int64{} // TATs
	random, passed := rand.New(rand.NewPCG(1, 2)), 0
	for i := range int64(100_000) {
		now := i * 1000
		key := random.Uint64()
		s.Take(rate, key, func() ID { return ID{byte(key), byte(key >> 8), byte(key >> 16), byte(key >> 24)} }, now, 1, false)
		if i%10 == 0 && s.Take(rate, 7, one, now, 1, false).Allowed {
			passed++
		}
		if i%200 != 0 {
			continue
		}
		for _, c := range s.Claims(rate) {
			ledger[c.ID] = max(ledger[c.ID], now) + rate.Interval*c.Charge
			s.Settle(rate, c, Answer{Ahead: time.Duration(ledger[c.ID] - now)}, now)
		}
	}
	keys := 0
	for i := range s.shards {
		keys += len(s.shards[i].keys)
	}
	if keys > 640 || passed > 5 {
		t.Errorf("%d keys, and %d passed of one that may pass 5", keys, passed)
	}
}

func BenchmarkSharedTake(b *testing.B) {
	rate, s := Rate{Interval: 1000, Burst: 100}, NewShared(100_000)
	s.SetAway(false, 1)
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		s.Take(rate, i%1000*0x9e3779b97f4a7c15, one, int64(i)*100, 1, false)
	}
}
