package process

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"
	"time"

	"headroom.dev/headroom"
)

var byTLS = headroom.Reach{Protocol: headroom.ProtocolHTTP, BackendProtocol: headroom.BackendHTTP2, ProxyProtocol: "v2",
	BackendTLS: headroom.BackendTLS{Enabled: true, CA: "/etc/ca.pem", ServerName: "shop.internal"}}

// judged opens a platform whose probes fail with what ready returns, and hands out what they were asked.
func judged(t *testing.T, dir string, ready func(Check) error) (*Platform, <-chan Check) {
	t.Helper()
	asked := make(chan Check, 1)
	p, err := New(Options{Dir: dir, Probe: func(ctx context.Context, check Check) error {
		select {
		case asked <- check:
		case <-ctx.Done():
			return ctx.Err()
		}
		return ready(check)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopEverything(t, p) })
	return p, asked
}

func never(Check) error { return errors.New("not yet") }

func TestAReplicaIsReachedInTheSameWayByTheNextProcess(t *testing.T) {
	dir := t.TempDir()
	order := growth("serve", "shop-1")
	order.Workload.Reach = byTLS
	p, asked := judged(t, dir, never)
	grow(t, p, order)
	first := <-asked
	if first.Service != "shop" || !reflect.DeepEqual(first.HealthCheck, order.Workload.HealthCheck) || first.Reach != byTLS {
		t.Errorf("the probe was asked %+v", first)
	}
	_ = p.Close()

	p, asked = judged(t, dir, never)
	if next := <-asked; !reflect.DeepEqual(next, first) {
		t.Errorf("the next process asks %+v, want %+v", next, first)
	}
	_ = p.Close()

	// A record from before there was another way.
	path := p.recordPath("shop", "shop-1")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "reach")
	if data, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, asked = judged(t, dir, never)
	if old := <-asked; old.Reach != (headroom.Reach{}) || old.Address != first.Address {
		t.Errorf("of an old record the probe was asked %+v", old)
	}
}

func TestAReplicaThatIsNotReadyIsJudgedInTheNewWayAtOnce(t *testing.T) {
	dir := t.TempDir()
	p, asked := judged(t, dir, func(check Check) error {
		if check.Reach != byTLS {
			return errors.New("it speaks something else")
		}
		return nil
	})
	grow(t, p, growth("serve", "shop-1"))
	<-asked
	p.Judge("other", headroom.HealthCheck{}, byTLS)
	if check := <-asked; check.Reach != (headroom.Reach{}) {
		t.Errorf("the change of another service came to %+v", check)
	}
	quick := headroom.HealthCheck{Enabled: true, Timeout: headroom.Duration(time.Second), Path: "/ready"}
	p.Judge("shop", quick, byTLS)
	for check := range asked {
		if check.Reach == byTLS { // not one that was under way
			if !reflect.DeepEqual(check.HealthCheck, quick) {
				t.Errorf("the probe was asked %+v", check)
			}
			break
		}
	}
	awaitReady(t, p, 1)
	if r, err := readRecord(p.recordPath("shop", "shop-1")); err != nil || r.Reach != byTLS {
		t.Errorf("the record says %+v, %v", r.Reach, err)
	}
}
