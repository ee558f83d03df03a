package guard

import (
	"sync"
	"time"

	"headroom.dev/headroom"
)

// budgetSeconds is the time over which a budget is counted: 10 s as in Finagle and in GEP-3388 of the Gateway API.
const budgetSeconds = 10

// Budget bounds the retries and hedges of a service: within any ten seconds at most Percent of the requests of that time and PerSecond a
// second beside. A retry is charged when it is decided upon, so that one that still waits in its back-off counts as well: Envoy, which counts
// those under way, let many times its budget wait at once (envoyproxy/envoy#30205).
//
// The requests are not counted here, but passed in as what the service has counted anyhow, so that a request that is not tried again costs
// nothing. Safe for concurrent use.
type Budget struct {
	mu        sync.Mutex // guards all below
	percent   int
	perSecond int
	buckets   [budgetSeconds]spending
	requests  uint64 // as last told
}

// spending is what was spent in one second.
type spending struct {
	second int64
	before uint64 // requests until it began
	spent  int
}

// Configure changes the settings; what was spent stays spent.
func (b *Budget) Configure(settings headroom.RetryBudget) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.percent, b.perSecond = settings.Percent, settings.PerSecond
}

// Tick says how many requests there were until now, in all. It is called at least once a second.
func (b *Budget) Tick(now time.Time, requests uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bucket(now, requests)
}

// Spend takes a retry from the budget, unless it is used up. requests are as of Tick.
func (b *Budget) Spend(now time.Time, requests uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	current := b.bucket(now, requests)
	before, spent := b.requests, 0
	for i := range b.buckets {
		if age := current.second - b.buckets[i].second; age >= 0 && age < budgetSeconds {
			before = min(before, b.buckets[i].before)
			spent += b.buckets[i].spent
		}
	}
	if float64(spent+1) > float64(b.requests-before)*float64(b.percent)/100+float64(b.perSecond*budgetSeconds) {
		return false
	}
	current.spent++
	return true
}

// bucket is that of now. The caller holds mu.
func (b *Budget) bucket(now time.Time, requests uint64) *spending {
	second := now.Unix()
	current := &b.buckets[uint64(second)%budgetSeconds]
	b.requests = max(b.requests, requests)
	if current.second != second {
		*current = spending{second: second, before: b.requests}
	}
	return current
}
