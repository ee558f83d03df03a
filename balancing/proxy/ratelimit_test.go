package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// limitedTo is a route to an origin that answers 200, with these limits.
func limitedTo(t tester, limits ...headroom.RateLimit) headroom.ServiceRoute {
	r := route(newOrigin(t, ok).address())
	r.LoadBalancing.RateLimits = limits
	return r
}

// aMinute is a limit that gives nothing back during a test.
func aMinute(name string, requests int, by ...string) headroom.RateLimit {
	return headroom.RateLimit{Name: name, Requests: requests, Period: headroom.Duration(24 * time.Hour), By: by}
}

// statuses are those of requests with these fields, one request each.
func statuses(t tester, address, path string, n int, fields ...string) (list []int) {
	t.Helper()
	for range n {
		list = append(list, ask(t, address, path, fields...).StatusCode)
	}
	return list
}

func ask(t tester, address, path string, fields ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest("GET", "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	res.Body = io.NopCloser(strings.NewReader(string(body)))
	return res
}

func same(t tester, what string, got any, want string) {
	t.Helper()
	if text := fmt.Sprint(got); text != want {
		t.Errorf("%s: got %s, want %s", what, text, want)
	}
}

func TestRequestsBeyondALimitAreAnswered429WithWhenToComeBack(t *testing.T) {
	s := start(t, Options{})
	apply(t, s, limitedTo(t, headroom.RateLimit{Name: "per-client", Requests: 60, Period: headroom.Duration(time.Hour), Burst: 2}))
	address := s.Addr(anyPort).String()
	first := ask(t, address, "/")
	same(t, "policy", first.Header["Ratelimit-Policy"], `["per-client";q=60;w=3600]`)
	same(t, "standing", first.Header["Ratelimit"], `["per-client";r=1;t=60]`)
	same(t, "status", first.StatusCode, "200")
	ask(t, address, "/")
	third := ask(t, address, "/")
	body, _ := io.ReadAll(third.Body)
	same(t, "status", third.StatusCode, "429")
	same(t, "standing", third.Header["Ratelimit"], `["per-client";r=0;t=120]`)
	same(t, "to come back", third.Header["Retry-After"], "[60]")
	if !strings.Contains(string(body), "over the rate limit per-client") {
		t.Errorf("said %s", body)
	}
	settled(t, s)
	m := s.Measure(time.Now()).Services[0]
	same(t, "counts", m.RateLimits, "[{per-client false {2 1 0 0 0} [{127.0.0.1 1}]}]")
	same(t, "rejected", m.Traffic.Outcomes.Rejected, "1")
}

func TestLimitsTellRequestsApartByWhatTheySay(t *testing.T) {
	for name, test := range map[string]struct {
		limit headroom.RateLimit
		ask   [][]string // path and fields of requests, two each
		want  string
	}{
		"all":         {aMinute("l", 3, "all"), [][]string{{"/"}, {"/", "X-Key", "a"}}, "[200 200 200 429]"},
		"header":      {aMinute("l", 1, "header:X-Key"), [][]string{{"/", "X-Key", "a"}, {"/", "x-key", "b"}, {"/"}}, "[200 429 200 429 200 429]"},
		"cookie":      {aMinute("l", 1, "cookie:id"), [][]string{{"/", "Cookie", "x=1; id=a"}, {"/", "Cookie", "id=b"}, {"/", "Cookie", "ID=a"}}, "[200 429 200 429 200 429]"},
		"route":       {aMinute("l", 1, "route"), [][]string{{"/api/1"}, {"/api/2"}, {"/"}}, "[200 429 429 429 200 429]"},
		"both":        {aMinute("l", 1, "ip", "header:X-Key"), [][]string{{"/", "X-Key", "a"}, {"/", "X-Key", "b"}}, "[200 429 200 429]"},
		"parts apart": {aMinute("l", 1, "header:A", "header:B"), [][]string{{"/", "A", "xy"}, {"/", "A", "x", "B", "y"}, {"/", "B", "xy"}}, "[200 429 200 429 200 429]"},
		"expression": {func() headroom.RateLimit {
			l := aMinute("l", 1, "expression")
			l.Key = "request.path.split('/')[1]"
			return l
		}(),
			[][]string{{"/a/1"}, {"/b"}, {"/a/2"}}, "[200 429 200 429 429 429]"},
		"condition": {func() headroom.RateLimit {
			l := aMinute("l", 1)
			l.When = "request.path.startsWith('/login')"
			return l
		}(),
			[][]string{{"/"}, {"/login"}}, "[200 200 200 429]"},
		"cost": {func() headroom.RateLimit {
			l := aMinute("l", 10)
			l.Cost = "request.path == '/search' ? 5.0 : 0.0"
			return l
		}(), [][]string{{"/search"}, {"/"}, {"/search"}}, "[200 200 200 200 429 429]"},
		"exception": {func() headroom.RateLimit { l := aMinute("l", 1); l.Except = []string{"127.0.0.0/8"}; return l }(), [][]string{{"/"}}, "[200 200]"},
		"dry run":   {func() headroom.RateLimit { l := aMinute("l", 1); l.DryRun = true; return l }(), [][]string{{"/"}}, "[200 200]"},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := start(t, Options{}), limitedTo(t, test.limit)
			r.LoadBalancing.Routes = []headroom.Route{{Path: "/api/"}}
			apply(t, s, r)
			var got []int
			for _, a := range test.ask {
				got = append(got, statuses(t, s.Addr(anyPort).String(), a[0], 2, a[1:]...)...)
			}
			same(t, "statuses", got, test.want)
		})
	}
}

func TestAPathSpelledInAnotherWayIsNoWayAroundALimit(t *testing.T) {
	limit := aMinute("logins", 1, "all")
	limit.When = "request.path == '/login'"
	s := start(t, Options{})
	apply(t, s, limitedTo(t, limit))
	address := s.Addr(anyPort).String()
	same(t, "the first", statuses(t, address, "/login", 1), "[200]")
	for _, path := range []string{"/login", "/%6cogin", "//login", "/a/../login", "/login?a=b"} {
		same(t, path, statuses(t, address, path, 1), "[429]")
	}
	same(t, "another path", statuses(t, address, "/logins", 1), "[200]")
}

func TestCopiesOfRequestsDoNotCount(t *testing.T) {
	copies := make(chan struct{}, 4)
	shadow := route(newOrigin(t, func(http.ResponseWriter, *http.Request) { copies <- struct{}{} }).address())
	shadow.Service, shadow.LoadBalancing.Listen = "shadow", ""
	shadow.Backends[0].ID, shadow.Backends[0].Service = "s0", "shadow"
	s := start(t, Options{})
	r := limitedTo(t, aMinute("few", 3, "all"))
	r.LoadBalancing.Mirror = headroom.Mirror{Service: "shadow", Percent: 100, MaxInFlight: 4}
	apply(t, s, r, shadow)
	for range 3 {
		same(t, "a request", statuses(t, s.Addr(anyPort).String(), "/", 1), "[200]")
		<-copies
	}
	same(t, "one too many", statuses(t, s.Addr(anyPort).String(), "/", 1), "[429]")
}

func TestALimitThatOnlyCountsIsNotWhyARequestFails(t *testing.T) {
	limit := aMinute("few", 1, "all")
	limit.DryRun = true
	s := start(t, Options{})
	r := limitedTo(t, limit)
	r.Backends = nil
	apply(t, s, r)
	for range 2 {
		body, _ := io.ReadAll(ask(t, s.Addr(anyPort).String(), "/").Body)
		if !strings.Contains(string(body), "is ready") {
			t.Errorf("got %s", body)
		}
	}
}

func TestClientsBehindTrustedProxiesAndOfOneIPv6NetworkAreOne(t *testing.T) {
	s, r := start(t, Options{}), limitedTo(t, aMinute("l", 1))
	r.LoadBalancing.TrustedProxies = []string{"127.0.0.0/8"}
	apply(t, s, r)
	var got []int
	for _, client := range []string{"203.0.113.7", "203.0.113.8", "203.0.113.7", "2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1", "::ffff:203.0.113.8"} {
		got = append(got, ask(t, s.Addr(anyPort).String(), "/", "X-Forwarded-For", client).StatusCode)
	}
	same(t, "statuses", got, "[200 200 429 200 429 200 429]")
}

func TestARequestRefusedByOneLimitCountsForNoOther(t *testing.T) {
	s := start(t, Options{})
	r := limitedTo(t, aMinute("wide", 3, "all"))
	r.LoadBalancing.Routes = []headroom.Route{{Path: "/login", RateLimits: []headroom.RateLimit{aMinute("narrow", 1)}}}
	apply(t, s, r)
	address := s.Addr(anyPort).String()
	same(t, "of the route", statuses(t, address, "/login", 5), "[200 429 429 429 429]")
	same(t, "of the rest", statuses(t, address, "/", 3), "[200 200 429]")
	refused := ask(t, address, "/login")
	same(t, "policies", refused.Header["Ratelimit-Policy"], `["wide";q=3;w=86400, "narrow";q=1;w=86400]`)
}

func TestWhatWasCountedOutlivesChangesOfTheConfiguration(t *testing.T) {
	s, r := start(t, Options{}), limitedTo(t, aMinute("l", 2))
	apply(t, s, r)
	address := s.Addr(anyPort).String()
	same(t, "before", statuses(t, address, "/", 3), "[200 200 429]")
	r.LoadBalancing.RateLimits = append([]headroom.RateLimit{aMinute("other", 100)}, r.LoadBalancing.RateLimits...)
	apply(t, s, r)
	same(t, "beside another", statuses(t, address, "/", 1), "[429]")
	r.LoadBalancing.RateLimits[1].By = []string{"all"}
	apply(t, s, r)
	same(t, "of other keys", statuses(t, address, "/", 1), "[200]")
	r.LoadBalancing.RateLimits = nil
	apply(t, s, r)
	same(t, "without", statuses(t, address, "/", 3), "[200 200 200]")
}

func TestLimitsHoldByEveryProtocol(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		w := between(t, front, back, ok, func(r *headroom.ServiceRoute) { r.LoadBalancing.RateLimits = []headroom.RateLimit{aMinute("l", 1)} })
		for i, want := range []int{200, 429, 429} {
			res := w.do(w.ask("POST", "/", strings.Repeat("x", 100_000)))
			io.Copy(io.Discard, res.Body)
			if res.Body.Close(); res.StatusCode != want || res.Header.Get("RateLimit") == "" || (res.Header.Get("Retry-After") == "") != (want == 200) {
				t.Errorf("%d: got %d %v", i, res.StatusCode, res.Header)
			}
		}
	})
}

func TestTCPConnectionsAreLimitedByAddress(t *testing.T) {
	_, address := serveBytes(t, func(r *headroom.ServiceRoute) { r.LoadBalancing.RateLimits = []headroom.RateLimit{aMinute("l", 1)} }, greeter(t, "a", nil))
	if got := connect(t, address).greeting(); got != "a" {
		t.Fatalf("got %s", got)
	}
	second, err := net.Dial("tcp", address)
	if err != nil {
		return // reset before it was known to be open
	}
	defer second.Close()
	if rest, err := io.ReadAll(second); len(rest) > 0 || err == nil {
		t.Errorf("the second was greeted with %q, %v", rest, err)
	}
}

func TestWhoDoesNotWantClientsToldRemovesTheField(t *testing.T) {
	s, r := start(t, Options{}), limitedTo(t, aMinute("l", 1))
	r.LoadBalancing.ResponseHeaders.Remove = []string{"ratelimit"}
	apply(t, s, r)
	for _, want := range []string{"", "86400"} {
		res := ask(t, s.Addr(anyPort).String(), "/")
		if res.Header.Get("RateLimit")+res.Header.Get("RateLimit-Policy") != "" || res.Header.Get("Retry-After") != want {
			t.Errorf("got %v", res.Header)
		}
	}
}

func TestSecretsAreNotShownWhereTheMostLimitedAre(t *testing.T) {
	s := start(t, Options{})
	apply(t, s, limitedTo(t, aMinute("l", 1, "ip", "header:X-Key")))
	statuses(t, s.Addr(anyPort).String(), "/", 3, "X-Key", "secret")
	statuses(t, s.Addr(anyPort).String(), "/", 2)
	// printf secret | sha256sum begins with 2bb80d53.
	same(t, "most limited", s.Measure(time.Now()).Services[0].RateLimits[0].Most, "[{127.0.0.1 X-Key=sha256:2bb80d53 2} {127.0.0.1 X-Key=(none) 1}]")
}

func TestALimitWhoseExpressionIsWrongLeavesTheOldTableInForce(t *testing.T) {
	s, r := start(t, Options{}), limitedTo(t, aMinute("l", 1))
	apply(t, s, r)
	r.LoadBalancing.RateLimits[0].When = "request.method ="
	err := s.Apply(headroom.RoutingTable{Version: 2, Services: []headroom.ServiceRoute{r}})
	if err == nil || !strings.Contains(err.Error(), "services.shop.loadBalancing.rateLimits[0].when") {
		t.Errorf("got %v", err)
	}
	same(t, "statuses", statuses(t, s.Addr(anyPort).String(), "/", 2), "[200 429]")
}
