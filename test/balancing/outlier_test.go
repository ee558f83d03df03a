package balancing

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pressed is an origin that counts its requests and can be made slow or failing.
type pressed struct {
	*httptest.Server
	asked  atomic.Int64
	pause  atomic.Int64 // nanoseconds
	status atomic.Int64 // 0: 200
}

func press(t *testing.T) *pressed {
	o := &pressed{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.asked.Add(1)
		time.Sleep(time.Duration(o.pause.Load()))
		if status := o.status.Load(); status != 0 {
			w.WriteHeader(int(status))
		}
		io.WriteString(w, r.URL.Path)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *pressed) address() string { return o.Listener.Addr().String() }

// keepAsking has clients ask one after the other until the test ends.
func keepAsking(t *testing.T, address string, clients int) {
	end := make(chan struct{})
	var all sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: patiently}
	for range clients {
		all.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				if response, err := client.Get("http://" + address + "/"); err == nil {
					io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
			}
		})
	}
	t.Cleanup(func() {
		close(end)
		all.Wait()
		client.CloseIdleConnections()
	})
}

func TestASlowBackendIsEjectedShownAndReturns(t *testing.T) {
	slow, one, two := press(t), press(t), press(t)
	for _, o := range []*pressed{one, two} {
		o.pause.Store(int64(time.Millisecond))
	}
	slow.pause.Store(int64(150 * time.Millisecond)) // three times as slow, and 50 ms more
	c := configure(t, strings.NewReplacer("A1", slow.address(), "A2", one.address(), "A3", two.address()).Replace(`
services:
  s:
    backends: [{address: 'A1'}, {address: 'A2'}, {address: 'A3'}]
    loadBalancing:
      listen: LISTEN1
      algorithm: round-robin
      outlierDetection: {enabled: true, interval: 1s, ejectionTime: 2s}
`))
	keepAsking(t, c.listens[0], 8)
	ejected := func() string {
		backends, err := c.Backends("s")
		if err != nil {
			return err.Error()
		}
		for _, b := range backends {
			if b.Address == slow.address() {
				return b.Ejected
			}
		}
		return ""
	}
	c.Eventually(patiently, "the slow one is ejected", func() error {
		if said := ejected(); !strings.HasPrefix(said, "time to first byte") {
			return fmt.Errorf("the API says %q", said)
		}
		return nil
	})
	c.WaitEvent("backend-ejected", "time to first byte", patiently)
	slow.pause.Store(int64(time.Millisecond))
	c.WaitEvent("backend-returned", "gets requests again", patiently)
	before := slow.asked.Load()
	c.Eventually(patiently, "it is asked again", func() error {
		if slow.asked.Load() == before {
			return fmt.Errorf("no request since")
		}
		return nil
	})
}
