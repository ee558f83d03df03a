package balancing

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestABreakerOpensAndRecoversOnTimeWithoutARush(t *testing.T) {
	bad, good := press(t), press(t)
	good.pause.Store(int64(time.Millisecond))
	bad.pause.Store(int64(time.Millisecond))
	c := configure(t, strings.NewReplacer("A1", bad.address(), "A2", good.address()).Replace(`
services:
  s:
    backends: [{address: 'A1'}, {address: 'A2'}]
    loadBalancing:
      listen: LISTEN1
      circuitBreaker: {enabled: true, failureThreshold: 5, recoveryTimeout: 1s, maxRecoveryTimeout: 1s}
      slowStart: {window: 5s}
`))
	keepAsking(t, c.listens[0], 8)
	state := func(want headroom.BreakerState) func() error {
		return func() error {
			backends, err := c.Backends("s")
			if err != nil {
				return err
			}
			for _, b := range backends {
				if b.Address == bad.address() && b.Breaker != want {
					return fmt.Errorf("it is %s", b.Breaker)
				}
			}
			return nil
		}
	}
	c.Eventually(patiently, "the breaker is closed", state(headroom.BreakerClosed))
	bad.status.Store(503)
	c.Eventually(patiently, "the breaker opens", state(headroom.BreakerOpen))
	// While it fails, one request a second or two tries: the recovery time is over, or the try has failed.
	before, began := bad.asked.Load(), time.Now()
	for bad.asked.Load() < before+3 {
		if time.Since(began) > patiently {
			t.Fatal("nobody tries")
		}
		time.Sleep(5 * time.Millisecond) // between looks at a counter
	}
	if took := time.Since(began); took < 1500*time.Millisecond {
		t.Errorf("three tries within %v, want about a second between them", took)
	}
	bad.status.Store(0)
	recovered := time.Now()
	c.Eventually(patiently, "the breaker closes", state(headroom.BreakerClosed))
	if took := time.Since(recovered); took > 5*time.Second {
		t.Errorf("recovered after %v, want a recovery time, two tries and a report", took)
	}
	// Slow start: in the first seconds it gets far less than the other.
	ours, others := bad.asked.Load(), good.asked.Load()
	time.Sleep(500 * time.Millisecond) // in which requests are counted
	ours, others = bad.asked.Load()-ours, good.asked.Load()-others
	if ours*2 > others {
		t.Errorf("just recovered it got %d requests, the other %d: a rush", ours, others)
	}
}
