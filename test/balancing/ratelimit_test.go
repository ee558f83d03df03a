package balancing

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// redisServer is a Redis of Debian's, which keeps nothing.
type redisServer struct {
	t       *testing.T
	port    string
	command *exec.Cmd
}

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: make deps")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	r := &redisServer{t: t, port: port}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *redisServer) start() {
	r.t.Helper()
	r.command = exec.Command("redis-server", "--port", r.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", r.t.TempDir())
	if err := r.command.Start(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *redisServer) kill() {
	r.command.Process.Kill()
	r.command.Wait()
}

// flood asks all addresses in turn, so many times a second for a span, and returns how many were answered 200; anything but 200 and 429 fails.
func flood(t *testing.T, perSecond int, span time.Duration, addresses ...string) (passed int) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: patiently}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for i, began := 0, time.Now(); time.Since(began) < span; i++ {
		<-tick.C
		response, err := client.Get("http://" + addresses[i%len(addresses)])
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		switch response.StatusCode {
		case 200:
			passed++
		case 429:
		default:
			t.Fatalf("%s answered %d", addresses[i%len(addresses)], response.StatusCode)
		}
	}
	return passed
}

// Three balancers with one Redis, which is killed and begins anew in the middle: in each part the limit holds, and no request fails.
func TestBalancersShareALimitInRedisWhichMayDie(t *testing.T) {
	redis, origin := startRedis(t), telling(t, false)
	var all []*configured
	var addresses []string
	for range 3 {
		c := configure(t, "redis: {address: '127.0.0.1:"+redis.port+"'}\nservices:\n  shop:\n    backends: [{address: '"+origin+
			"'}]\n    loadBalancing: {listen: LISTEN1, rateLimits: [{name: all, requests: 50, burst: 10, by: [all], shared: true}]}\n")
		all, addresses = append(all, c), append(addresses, c.listens[0])
	}
	seen := func(what string, word string, times int) {
		t.Helper()
		for _, c := range all {
			c.Eventually(patiently, what, func() error {
				if n := strings.Count(c.process.Errors(), word); n < times {
					return fmt.Errorf("said %d times, want %d", n, times)
				}
				return nil
			})
		}
	}
	expect := func(what string, passed, low, high int) {
		t.Helper()
		t.Logf("%s: %d passed", what, passed)
		if passed < low || passed > high {
			t.Errorf("%s: %d passed, want %d to %d", what, passed, low, high)
		}
	}
	const span = 2 * time.Second             // 100 requests, and the burst
	flood(t, 100, time.Second, addresses...) // all know of each other, and the burst is used up
	seen("shares", "shared rate limits are counted in Redis", 1)
	expect("shared", flood(t, 240, span, addresses...), 90, 115)
	redis.kill()
	seen("finds it gone", "cannot reach Redis", 1)
	flood(t, 100, time.Second/2, addresses...)
	expect("while it is away", flood(t, 240, span, addresses...), 85, 115)
	var status headroom.BalancerStatus
	if err := all[0].Get("/api/balancer/status", &status); err != nil {
		t.Fatal(err)
	}
	limit := status.Services[0].RateLimits[0]
	if limit.FallbackPerSecond == nil || *limit.FallbackPerSecond == 0 || len(limit.MostLimited) != 1 || limit.MostLimited[0].Key != "all" {
		t.Errorf("the status shows %+v", limit)
	}
	redis.start()
	seen("finds it again", "shared rate limits are counted in Redis", 2)
	flood(t, 100, time.Second/2, addresses...)
	expect("after it is back", flood(t, 240, span, addresses...), 90, 115)
}
