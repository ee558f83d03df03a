package proxy

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// balanced is a server before n backends of which each answers with its number, and what it gets besides.
func balanced(t *testing.T, n int, settings func(*headroom.ServiceRoute), handler func(i int, w http.ResponseWriter, r *http.Request)) (*Server, string) {
	t.Helper()
	var addresses []string
	for i := range n {
		addresses = append(addresses, newOrigin(t, func(w http.ResponseWriter, r *http.Request) { handler(i, w, r) }).address())
	}
	s := start(t, Options{})
	r := route(addresses...)
	settings(&r)
	apply(t, s, r)
	return s, s.Addr(anyPort).String()
}

func number(i int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, i) }

// answered sends a request with a header and returns the body and the header of the answer.
func answered(t *testing.T, url string, header http.Header) (string, http.Header) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), res.Header
}

func TestKeyOfARequestChoosesItsBackend(t *testing.T) {
	for _, c := range []struct {
		algorithm headroom.Algorithm
		url       func(key string) string
		header    func(key string) http.Header
	}{
		{headroom.HeaderHash, func(string) string { return "/" }, func(key string) http.Header { return http.Header{"X-Tenant": {key}} }},
		{headroom.CookieHash, func(string) string { return "/" }, func(key string) http.Header { return http.Header{"Cookie": {"a=1; X-Tenant=" + key}} }},
		{headroom.QueryHash, func(key string) string { return "/?a=1&X-Tenant=" + key }, func(string) http.Header { return nil }},
	} {
		t.Run(string(c.algorithm), func(t *testing.T) {
			_, address := balanced(t, 4, func(r *headroom.ServiceRoute) {
				r.LoadBalancing.Algorithm, r.LoadBalancing.Hash = c.algorithm, headroom.Hash{Key: "X-Tenant", LoadFactor: 100}
			}, number)
			seen := map[string]bool{}
			for k := range 16 {
				key := fmt.Sprint("tenant-", k)
				first, _ := answered(t, "http://"+address+c.url(key), c.header(key))
				seen[first] = true
				for range 3 {
					if again, _ := answered(t, "http://"+address+c.url(key), c.header(key)); again != first {
						t.Errorf("%s went to %s, then to %s", key, first, again)
					}
				}
			}
			if len(seen) != 4 { // that one of four is missed by 16 keys has a chance of 4 %: the keys are these, so it is so or not
				t.Errorf("16 keys reached %d of 4 backends", len(seen))
			}
			// Without a key requests are spread; the keys of before are forgotten, though exchanges are used again.
			without := map[string]bool{}
			for range 40 {
				got, _ := answered(t, "http://"+address+"/", nil)
				without[got] = true
			}
			if len(without) < 3 {
				t.Errorf("40 requests without a key reached %d of 4 backends", len(without))
			}
		})
	}
}

func TestClientsAddressChoosesTheBackend(t *testing.T) {
	_, address := balanced(t, 4, func(r *headroom.ServiceRoute) {
		r.LoadBalancing.Algorithm, r.LoadBalancing.TrustedProxies = headroom.IPHash, []string{"127.0.0.1"}
		r.LoadBalancing.Hash.LoadFactor = 100
	}, number)
	from := func(client string) string {
		got, _ := answered(t, "http://"+address, http.Header{"X-Forwarded-For": {client}})
		return got
	}
	seen := map[string]bool{}
	for k := range 16 {
		seen[from(fmt.Sprint("192.0.2.", k))] = true
	}
	if len(seen) < 3 {
		t.Errorf("16 clients reached %d of 4 backends", len(seen))
	}
	// A client of IPv6 has its first 64 bits.
	if a, b := from("2001:db8::1"), from("2001:db8::ffff:1"); a != b {
		t.Errorf("one network went to %s and %s", a, b)
	}
}

func TestAlgorithmChangesWhileRequestsFlow(t *testing.T) {
	s, address := balanced(t, 2, func(*headroom.ServiceRoute) {}, number)
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			res, err := http.Get("http://" + address)
			if err == nil && res.StatusCode != 200 {
				err = fmt.Errorf("status %d", res.StatusCode)
			}
			if err != nil {
				done <- err
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}()
	s.mu.Lock()
	r := route(s.backends["b0"].address, s.backends["b1"].address)
	s.mu.Unlock()
	for range 5 {
		for _, algorithm := range headroom.Algorithms() {
			r.LoadBalancing.Algorithm = algorithm
			r.LoadBalancing.Geographic.Regions = []headroom.Region{{Name: "eu"}}
			apply(t, s, r)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReportsOfLoadAreReadAndKeptFromClients(t *testing.T) {
	_, address := balanced(t, 1, func(r *headroom.ServiceRoute) { r.LoadBalancing.Algorithm = headroom.Adaptive }, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Endpoint-Load-Metrics", "TEXT cpu_utilization=0.5,rps_fractional=100")
		w.Header().Set("X-Other", "stays")
		w.Header().Set("Trailer", "Endpoint-Load-Metrics-Bin, X-Trailer")
		w.WriteHeader(200)
		w.Write([]byte("ok"))
		w.Header().Set("Endpoint-Load-Metrics-Bin", "CQAAAAAAAOA/")
		w.Header().Set("X-Trailer", "stays")
	})
	req, _ := http.NewRequest("GET", "http://"+address, nil)
	req.Header.Set("TE", "trailers")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if res.Header.Get("Endpoint-Load-Metrics") != "" || res.Header.Get("X-Other") != "stays" {
		t.Errorf("the client got %v", res.Header)
	}
	if res.Trailer.Get("Endpoint-Load-Metrics-Bin") != "" || res.Trailer.Get("X-Trailer") != "stays" {
		t.Errorf("the client got the trailers %v", res.Trailer)
	}
}

func TestFailingBackendIsLeftByTheAlgorithmsThatLearn(t *testing.T) {
	for _, algorithm := range []headroom.Algorithm{headroom.Adaptive, headroom.LeastResponseTime} {
		t.Run(string(algorithm), func(t *testing.T) {
			_, address := balanced(t, 3, func(r *headroom.ServiceRoute) { r.LoadBalancing.Algorithm = algorithm }, func(i int, w http.ResponseWriter, _ *http.Request) {
				if i == 0 {
					w.WriteHeader(503)
				}
			})
			failed := 0
			for range 200 {
				res, err := http.Get("http://" + address)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode == 503 {
					failed++
				}
			}
			if failed > 5 {
				t.Errorf("%d of 200 requests failed", failed)
			}
		})
	}
}

// One of 10,000 backends fails its checks: no request reaches it after the next sample, 50 ms, and the time that it takes to make a view.
func TestChangeOfOneOf10000BackendsIsVisibleSoon(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds under the race detector")
	}
	s := start(t, Options{})
	var addresses []string
	for i := range 10_000 {
		addresses = append(addresses, fmt.Sprintf("10.0.%d.%d:80", i/250, i%250))
	}
	r := route(addresses...)
	held := heap()
	r.LoadBalancing.Algorithm = headroom.IPHash
	apply(t, s, r)
	if each := (heap() - held) / 10_000; each > 2200 { // 1 KB of it is the histogram
		t.Errorf("a backend takes %d bytes, want 2200 at most", each)
	}
	s.mu.Lock()
	svc := s.services["shop"]
	before := svc.view.Load()
	s.mu.Unlock()
	began := time.Now()
	s.SetHealth("b77", headroom.HealthUnhealthy, "gone")
	for svc.view.Load() == before {
		if time.Since(began) > patiently {
			t.Fatal("never")
		}
		time.Sleep(time.Millisecond) // nobody tells of a new view
	}
	t.Logf("visible after %s", time.Since(began))
}

// heap is what is in use of it, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
