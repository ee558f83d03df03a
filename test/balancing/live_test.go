package balancing

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

// crowd asks without a pause until it is ended, and counts what was not answered as it should be.
type crowd struct {
	asked, failed atomic.Int64
	newest        atomic.Value // the last failure
	end           chan struct{}
	workers       sync.WaitGroup
}

func gather(t *testing.T, url string) *crowd {
	c := &crowd{end: make(chan struct{})}
	client := wires[0].client(t, strings.TrimPrefix(url, "http://"), "")
	for range 4 {
		c.workers.Go(func() {
			for {
				select {
				case <-c.end:
					return
				default:
				}
				answer, err := do(client, "GET", "http://shop.test/", nil)
				c.asked.Add(1)
				if err != nil || answer.StatusCode != 200 {
					c.failed.Add(1)
					c.newest.Store(fmt.Sprint(err, answer.Response))
				}
			}
		})
	}
	return c
}

func (c *crowd) disperse(t *testing.T) {
	t.Helper()
	close(c.end)
	c.workers.Wait()
	if c.failed.Load() > 0 {
		t.Errorf("%d of %d requests failed, the last with %v", c.failed.Load(), c.asked.Load(), c.newest.Load())
	}
	t.Logf("%d requests", c.asked.Load())
}

func TestWeightsChangeLiveUnderLoadAndWhatWasAcknowledgedOutlivesACrash(t *testing.T) {
	s := system.New(t, "")
	config := `
api: {listen: API}
loadBalancing: {healthCheck: {enabled: false}}
services:
  shop:
    backends: [{address: '` + calling(t, "old") + `'}]
    loadBalancing: {listen: TRAFFIC, split: {by: header, name: X-User, variants: [{service: shop, weight: 95}, {service: canary, weight: 5}]}}
  canary: {backends: [{address: '` + calling(t, "new") + `'}], loadBalancing: {listen: none}}
`
	s.Configure(config)
	balancer, scaler, monitor := s.Start("balancer"), s.Start("scaler"), s.Start("monitor")
	s.WaitReady(balancer, scaler, monitor)
	client := wires[0].client(t, s.Traffic, "")
	onNew := func(users int) map[int]bool {
		t.Helper()
		led := map[int]bool{}
		for user := range users {
			request, err := http.NewRequest("GET", "http://shop.test/", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-User", fmt.Sprint("user ", user))
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body := make([]byte, 3)
			_, _ = response.Body.Read(body)
			response.Body.Close()
			if string(body) == "new" {
				led[user] = true
			}
		}
		return led
	}
	set := func(old, canary int) headroom.ServiceSplit {
		t.Helper()
		var split headroom.ServiceSplit
		body := map[string]any{"weights": map[string]int{"shop": old, "canary": canary}}
		if err := s.Do(http.MethodPut, "/api/balancer/splits/shop?reason=test", body, &split); err != nil {
			t.Fatal(err)
		}
		return split
	}
	read := func() string {
		t.Helper()
		var split headroom.ServiceSplit
		if err := s.Get("/api/balancer/splits/shop", &split); err != nil {
			t.Fatal(err)
		}
		return split.Summary()
	}

	c := gather(t, "http://"+s.Traffic)
	for i := range 20 { // all or nothing, so that one request on the wrong one shows
		set(i%2, 1-i%2)
		acknowledged := time.Now()
		for want := 20 * (1 - i%2); len(onNew(20)) != want; {
			if late := time.Since(acknowledged); late > time.Second {
				t.Fatalf("%v after the change the balancer has the old weights", late)
			}
		}
		if took := time.Since(acknowledged); took > 100*time.Millisecond {
			t.Logf("in force and seen by 20 requests after %v", took)
		}
	}
	set(95, 5)
	system.Pass(t, 200*time.Millisecond)
	five := onNew(1000)
	set(90, 10)
	if got := read(); got != "by header: shop 90, canary 10" {
		t.Errorf("read back it is %s", got)
	}
	system.Pass(t, 200*time.Millisecond)
	ten := onNew(1000)
	// 1000 users by a hash: a standard deviation is sqrt(1000 × 0.1 × 0.9) = 9.5.
	if len(five) < 25 || len(five) > 80 || len(ten) < 62 || len(ten) > 140 {
		t.Errorf("%d users of 1000 are on the canary at 5 %%, %d at 10 %%", len(five), len(ten))
	}
	for user := range five {
		if !ten[user] {
			t.Errorf("user %d left the canary when it grew", user)
		}
	}

	set(70, 30)
	scaler.Kill() // right after the answer
	scaler = s.Start("scaler")
	s.WaitReady(scaler)
	if got := read(); got != "by header: shop 70, canary 30" {
		t.Errorf("after kill -9 of the scaler it is %s", got)
	}
	s.Eventually(5*time.Second, "the balancer has what was acknowledged", func() error {
		if n := len(onNew(100)); n < 12 || n > 50 {
			return fmt.Errorf("%d of 100 users are on the canary", n)
		}
		return nil
	})
	want := onNew(200)
	c.disperse(t)

	// A balancer that starts while no scaler runs has what the API changed.
	scaler.Kill()
	balancer.Kill()
	s.Start("balancer")
	s.Eventually(5*time.Second, "the balancer serves again", func() error {
		_, err := do(client, "GET", "http://shop.test/", nil)
		return err
	})
	if got := onNew(200); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("without a scaler %d of 200 users are on the canary, and were %d", len(got), len(want))
	}
}
