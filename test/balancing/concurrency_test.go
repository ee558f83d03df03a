package balancing

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTooMuchIsTurnedAwayWith429TheLeastImportantFirst(t *testing.T) {
	o := press(t)
	o.pause.Store(int64(20 * time.Millisecond))
	c := configure(t, strings.NewReplacer("A1", o.address()).Replace(`
services:
  s:
    backends: [{address: 'A1'}]
    loadBalancing:
      listen: LISTEN1
      overload:
        maxRequests: 10
        priorities: {header: X-Priority, classes: [{name: high, percent: 100}, {name: low, percent: 50}]}
`))
	var all sync.WaitGroup
	var high, low, shed, wrong atomic.Int64 // answered 200, and 429
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 20}, Timeout: patiently}
	t.Cleanup(client.CloseIdleConnections)
	for i := range 20 {
		class, answered := "low", &low
		if i < 8 {
			class, answered = "high", &high
		}
		all.Go(func() {
			for range 20 {
				request, _ := http.NewRequest("GET", "http://"+c.listens[0]+"/", nil)
				request.Header.Set("X-Priority", class)
				response, err := client.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				switch {
				case response.StatusCode == 200:
					answered.Add(1)
				case response.StatusCode == 429 && response.Header.Get("Retry-After") == "1" && class == "low":
					shed.Add(1)
				default:
					wrong.Add(1)
				}
			}
		})
	}
	all.Wait()
	// Eight of high have ten places, of which low takes no more than five: at times three of high find none.
	t.Logf("200: %d of 160 high, %d of 240 low; %d low turned away, %d others", high.Load(), low.Load(), shed.Load(), wrong.Load())
	if high.Load() < 100 || shed.Load() == 0 || high.Load()+wrong.Load() != 160 {
		t.Errorf("%d of 160 important ones were served, and %d unimportant ones turned away", high.Load(), shed.Load())
	}
}
