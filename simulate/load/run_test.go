package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// network is a server behind in-memory pipes, so that a run takes virtual time inside a synctest bubble.
type network struct {
	answer func(w io.Writer, r *http.Request, number int64) (keep bool)
	refuse error // when set, no connection can be made

	dials, requests atomic.Int64
	mu              sync.Mutex
	arrived         []time.Time // guarded by mu
}

func (n *network) dial(context.Context) (net.Conn, error) {
	n.dials.Add(1)
	if n.refuse != nil {
		return nil, n.refuse
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		reader := bufio.NewReader(server)
		for {
			r, err := http.ReadRequest(reader)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			n.mu.Lock()
			n.arrived = append(n.arrived, time.Now())
			n.mu.Unlock()
			if !n.answer(server, r, n.requests.Add(1)) {
				return
			}
		}
	}()
	return client, nil
}

func ok(w io.Writer, _ *http.Request, _ int64) bool {
	io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	return true
}

// runOn runs a load in virtual time against a network. It must be called inside a bubble.
func runOn(t *testing.T, ctx context.Context, n *network, shape string, o Options) Report {
	t.Helper()
	o.Shape = mustParse(t, shape)
	o.Dial = n.dial
	if o.URL == "" {
		o.URL = "http://shop.test/"
	}
	p, err := o.check()
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(p)
	// The precise waiter waits in the kernel, for which virtual time does not pass.
	r.precise = func(ctx context.Context) waiter { return coarseWaiter{ctx} }
	return r.run(ctx)
}

func wantCounts(t *testing.T, r Report, want Counts) {
	t.Helper()
	if r.Counts != want {
		t.Errorf("counts %+v, want %+v", r.Counts, want)
	}
	var errs int64
	for _, e := range r.Errors {
		errs += e.Count
	}
	if r.Counts.Scheduled != r.Counts.Sent+r.Counts.Dropped || r.Counts.Sent != r.Counts.Answered+errs {
		t.Errorf("the books do not balance: %+v with errors %+v", r.Counts, r.Errors)
	}
}

func TestServerThatStallsForASecondShowsInTheLatencyOfAllItDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		stallFrom, stallTo := start.Add(5*time.Second), start.Add(6*time.Second)
		n := &network{answer: func(w io.Writer, r *http.Request, i int64) bool {
			if now := time.Now(); !now.Before(stallFrom) && now.Before(stallTo) {
				time.Sleep(stallTo.Sub(now))
			}
			return ok(w, r, i)
		}}
		report := runOn(t, t.Context(), n, "10s@100", Options{})
		wantCounts(t, report, Counts{Scheduled: 1000, Sent: 1000, Answered: 1000})
		// A hundred requests fall into the stall, at 5.005 s, 5.015 s, …: they take 995 ms down to 5 ms. Of a thousand
		// the 990th is the 90th slow one from below, 895 ms. A closed loop with one client would have seen one slow
		// request of some 900 and a p99 of nearly nothing.
		if l := report.Latency; l.P50 > time.Millisecond || l.P99 < 894*time.Millisecond || l.P99 > 896*time.Millisecond ||
			l.Max < 994*time.Millisecond || l.Max > 996*time.Millisecond {
			t.Errorf("latency %+v, want p50 0, p99 895ms, max 995ms", l)
		}
	})
}

func TestSlowConnectingCountsFromWhenTheRequestWasMeantToLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{answer: ok}
		p, err := Options{URL: "http://shop.test/", Shape: mustParse(t, "1s@1"), Dial: func(ctx context.Context) (net.Conn, error) {
			time.Sleep(3 * time.Second)
			return n.dial(ctx)
		}}.check()
		if err != nil {
			t.Fatal(err)
		}
		r := newRunner(p)
		r.precise = func(ctx context.Context) waiter { return coarseWaiter{ctx} }
		if report := r.run(t.Context()); report.Latency.Max < 2998*time.Millisecond || report.Latency.Max > 3002*time.Millisecond {
			t.Errorf("latency %v, want 3s", report.Latency.Max)
		}
	})
}

func TestArrivalsBeyondTheMostInFlightAreDroppedAndNeverDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		n := &network{answer: func(w io.Writer, r *http.Request, i int64) bool {
			time.Sleep(5 * time.Second)
			return ok(w, r, i)
		}}
		report := runOn(t, t.Context(), n, "1s@10,9s@0,1s@1", Options{MaxInFlight: 4})
		// 50 ms, 150 ms, 250 ms and 350 ms are sent; six more are due before the first answer at 5.05 s. At 10.5 s there
		// is room again.
		wantCounts(t, report, Counts{Scheduled: 11, Sent: 5, Dropped: 6, Answered: 5})
		want := []time.Duration{50, 150, 250, 350, 10_500}
		for i, at := range n.arrived {
			if at.Sub(start) != want[i]*time.Millisecond {
				t.Errorf("request %d left at %v, want %v", i, at.Sub(start), want[i]*time.Millisecond)
			}
		}
	})
}

func TestErrorsAreCountedByKindWithTheFirstMessage(t *testing.T) {
	hang := func(io.Writer, *http.Request, int64) bool { time.Sleep(time.Hour); return false }
	raw := func(text string) func(io.Writer, *http.Request, int64) bool {
		return func(w io.Writer, _ *http.Request, _ int64) bool { io.WriteString(w, text); return false }
	}
	cases := map[string]struct {
		network *network
		kind    Kind
		message string
		latency time.Duration // p50; timeouts have one, other errors do not
	}{
		"refused":         {&network{refuse: errors.New("connection refused")}, Connect, "connection refused", 0},
		"no answer":       {&network{answer: hang}, Timeout, "timeout", 3 * time.Second},
		"closed":          {&network{answer: raw("")}, Reset, "EOF", 0},
		"half a head":     {&network{answer: raw("HTTP/1.1 200 OK\r\nConte")}, Reset, "EOF", 0},
		"half a body":     {&network{answer: raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")}, Reset, "EOF", 0},
		"not http":        {&network{answer: raw("220 mail.test ESMTP\r\n\r\n")}, Malformed, "malformed HTTP", 0},
		"endless 1xx die": {&network{answer: raw("HTTP/1.1 100 Continue\r\n\r\n")}, Reset, "EOF", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				report := runOn(t, t.Context(), c.network, "1s@2", Options{Timeout: 3 * time.Second})
				wantCounts(t, report, Counts{Scheduled: 2, Sent: 2, Failed: 2})
				if len(report.Errors) != 1 {
					t.Fatalf("errors %+v", report.Errors)
				}
				e := report.Errors[0]
				if e.Kind != c.kind || e.Count != 2 || !strings.Contains(e.First, c.message) {
					t.Errorf("got %+v, want 2 of kind %s with %q", e, c.kind, c.message)
				}
				if at := 250*time.Millisecond + c.latency; e.FirstAt != at {
					t.Errorf("first at %v, want %v", e.FirstAt, at)
				}
				if got := report.Latency.P50.Round(10 * time.Millisecond); got != c.latency {
					t.Errorf("latency %v, want %v", got, c.latency)
				}
				time.Sleep(2 * time.Hour) // lets the server that hangs see that its client has gone
			})
		})
	}
}

func TestStatusesAreCountedAndFiveHundredsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		statuses := []int{200, 503, 404, 500}
		n := &network{answer: func(w io.Writer, _ *http.Request, i int64) bool {
			fmt.Fprintf(w, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", statuses[i%4])
			return true
		}}
		report := runOn(t, t.Context(), n, "1s@8", Options{})
		wantCounts(t, report, Counts{Scheduled: 8, Sent: 8, Answered: 8, Failed: 4})
		for _, status := range statuses {
			if report.Statuses[status] != 2 {
				t.Errorf("%d answers of %d, want 2", report.Statuses[status], status)
			}
		}
		if n.dials.Load() != 1 {
			t.Errorf("%d connections for one request at a time, want 1", n.dials.Load())
		}
	})
}

func TestConnectionIsNotReusedWhenTheServerSaysClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{answer: func(w io.Writer, _ *http.Request, _ int64) bool {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return true
		}}
		report := runOn(t, t.Context(), n, "1s@5", Options{})
		wantCounts(t, report, Counts{Scheduled: 5, Sent: 5, Answered: 5})
		if n.dials.Load() != 5 {
			t.Errorf("%d connections, want 5", n.dials.Load())
		}
	})
}

func TestRequestCarriesMethodHeaderHostAndBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen *http.Request
		n := &network{answer: func(w io.Writer, r *http.Request, i int64) bool { seen = r; return ok(w, r, i) }}
		runOn(t, t.Context(), n, "1s@1", Options{
			URL: "http://shop.test/buy?item=1", Method: "POST", Body: []byte("hello"),
			Header: http.Header{"X-Test": {"a", "b"}, "Host": {"other.test"}},
		})
		if seen.Method != "POST" || seen.RequestURI != "/buy?item=1" || seen.Host != "other.test" || seen.ContentLength != 5 ||
			len(seen.Header["X-Test"]) != 2 || seen.UserAgent() != "headroom-load" {
			t.Errorf("the server saw %+v", seen)
		}
	})
}

func TestHeadAnswersHaveNoBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{answer: func(w io.Writer, _ *http.Request, _ int64) bool {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
			return true
		}}
		report := runOn(t, t.Context(), n, "1s@3", Options{Method: "HEAD"})
		wantCounts(t, report, Counts{Scheduled: 3, Sent: 3, Answered: 3})
	})
}

func TestCanceledRunWaitsTwoSecondsForAnswersAndReports(t *testing.T) {
	for _, c := range []struct {
		answerAfter time.Duration
		want        Counts
		ends        time.Duration
	}{
		// Canceled at 1 s with the requests of 0.25 s and 0.75 s in flight.
		{1500 * time.Millisecond, Counts{Scheduled: 2, Sent: 2, Answered: 2}, 2250 * time.Millisecond},
		{time.Hour, Counts{Scheduled: 2, Sent: 2, Failed: 2}, 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			n := &network{answer: func(w io.Writer, r *http.Request, i int64) bool {
				time.Sleep(c.answerAfter)
				return ok(w, r, i)
			}}
			report := runOn(t, ctx, n, "100s@2", Options{})
			wantCounts(t, report, c.want)
			if !report.Interrupted || report.Duration != c.ends {
				t.Errorf("interrupted %v after %v, want true after %v", report.Interrupted, report.Duration, c.ends)
			}
			if c.want.Failed > 0 && (len(report.Errors) != 1 || report.Errors[0].Kind != Canceled) {
				t.Errorf("errors %+v, want canceled", report.Errors)
			}
			time.Sleep(2 * time.Hour) // lets the server that hangs see that its client has gone
		})
	}
}

func TestProgressComesEachSecondAndAddsUpToTheReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{answer: func(w io.Writer, r *http.Request, i int64) bool {
			time.Sleep(300 * time.Millisecond)
			return ok(w, r, i)
		}}
		var seen []Progress
		report := runOn(t, t.Context(), n, "1s@10,2s@40", Options{Progress: func(p Progress) { seen = append(seen, p) }})
		var sum Counts
		for _, p := range seen {
			sum.Scheduled += p.Counts.Scheduled
			sum.Sent += p.Counts.Sent
			sum.Answered += p.Counts.Answered
		}
		wantCounts(t, report, sum)
		if len(seen) != 4 || seen[0].Elapsed != time.Second || seen[0].Total != 3*time.Second || seen[0].Target != 40 {
			t.Fatalf("progress %+v", seen)
		}
		// In the first second ten leave, at 50 ms, 150 ms, …; those from 750 ms on are still in flight.
		first := seen[0]
		if first.Counts.Sent != 10 || first.Counts.Answered != 7 || first.InFlight != 3 {
			t.Errorf("first second %+v, want 10 sent, 7 answered, 3 in flight", first)
		}
		if p50 := first.Latency.P50.Round(5 * time.Millisecond); p50 != 300*time.Millisecond {
			t.Errorf("first second's p50 %v, want 300ms", p50)
		}
		if last := seen[3]; last.InFlight != 0 || last.Target != 0 {
			t.Errorf("last progress %+v", last)
		}
	})
}

func TestWrongOptionsAreExplained(t *testing.T) {
	shape := mustParse(t, "50")
	cases := map[string]struct {
		options Options
		want    string
	}{
		"no url":        {Options{Shape: shape, Duration: 1}, `load url is "": expected an address such as http://127.0.0.1:8080/`},
		"other scheme":  {Options{URL: "ftp://a/", Shape: shape}, `load url is "ftp://a/"`},
		"broken url":    {Options{URL: "http://a b/", Shape: shape}, "load url: parse"},
		"no shape":      {Options{URL: "http://a/"}, "load shape is missing"},
		"endless":       {Options{URL: "http://a/", Shape: shape}, "load duration is missing: the shape never ends"},
		"duration":      {Options{URL: "http://a/", Shape: shape, Duration: -1}, "load duration is -1ns"},
		"timeout":       {Options{URL: "http://a/", Shape: shape, Duration: 1, Timeout: -1}, "load timeout is -1ns"},
		"max in flight": {Options{URL: "http://a/", Shape: shape, Duration: 1, MaxInFlight: -1}, "load maxInFlight is -1"},
		"method":        {Options{URL: "http://a/", Shape: shape, Duration: 1, Method: "G ET"}, `load request: net/http: invalid method "G ET"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := Run(t.Context(), c.options); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestRealServerThatClosesIdleConnectionsCausesNoFailure(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
		server.Config.IdleTimeout = 5 * time.Millisecond // each connection is closed long before the next request, at 20/s
		o := Options{Shape: mustParse(t, "600ms@20")}
		if encrypted {
			server.StartTLS()
			config := server.Client().Transport.(*http.Transport).TLSClientConfig
			o.Dial = func(ctx context.Context) (net.Conn, error) {
				return (&tls.Dialer{Config: &tls.Config{RootCAs: config.RootCAs, ServerName: "example.com"}}).
					DialContext(ctx, "tcp", server.Listener.Addr().String())
			}
		} else {
			server.Start()
		}
		o.URL = server.URL
		report, err := Run(t.Context(), o)
		server.Close()
		if err != nil {
			t.Fatal(err)
		}
		wantCounts(t, report, Counts{Scheduled: 12, Sent: 12, Answered: 12})
		if len(report.Errors) > 0 {
			t.Errorf("TLS %v: errors %+v", encrypted, report.Errors)
		}
	}
}

func TestRefusedConnectionIsReportedAgainstTheRealNetwork(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // nobody listens on its port now
	report, err := Run(t.Context(), Options{URL: "http://" + listener.Addr().String() + "/", Shape: mustParse(t, "100ms@50")})
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, report, Counts{Scheduled: 5, Sent: 5, Failed: 5})
	if len(report.Errors) != 1 || report.Errors[0].Kind != Connect || !strings.Contains(report.Errors[0].First, "connection refused") {
		t.Errorf("errors %+v", report.Errors)
	}
}

func TestPreciseWaiterWaitsAndIsEndedByItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := newPreciseWaiter(ctx)
	defer w.close()
	start := time.Now()
	for _, pause := range []time.Duration{200 * time.Microsecond, 30 * time.Millisecond, -time.Second} {
		until := time.Now().Add(pause)
		if !w.wait(until) || time.Now().Before(until) {
			t.Errorf("wait of %v ended at %v before its time", pause, time.Until(until))
		}
	}
	time.AfterFunc(10*time.Millisecond, cancel)
	if w.wait(start.Add(time.Hour)) || w.wait(start) {
		t.Error("wait after the end of its context said true")
	}
	if time.Since(start) > 10*time.Second {
		t.Error("cancel did not end the wait")
	}
}

func TestTableSaysWhatHappened(t *testing.T) {
	r := newRecorder()
	for range 3 {
		r.sent()
	}
	r.dropped()
	r.ended(outcome{status: 200}, time.Second, 12*time.Millisecond, time.Millisecond)
	r.ended(outcome{status: 503}, time.Second, 12*time.Millisecond, time.Millisecond)
	r.ended(outcome{kind: Connect, err: errors.New("dial tcp 127.0.0.1:8080: connection refused")}, 1500*time.Millisecond, time.Millisecond, time.Millisecond)
	report := r.report()
	report.Duration = 2 * time.Second
	var b bytes.Buffer
	if err := report.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	// Of 4 scheduled in 2 s: 3 sent are 1.5 per second and 75 %. The latencies are exact to 0.1 %.
	const want = `Duration    2s

REQUESTS         count  per second    share
scheduled            4         2.0  100.00%
sent                 3         1.5   75.00%
dropped              1         0.5   25.00%
answered             2         1.0   50.00%
  200                1         0.5   25.00%
  503                1         0.5   25.00%
failed               2         1.0   50.00%
  connect            1         0.5   25.00%

LATENCY           mean       p50       p90       p99     p99.9       max
answer            12ms      12ms      12ms      12ms      12ms      12ms
own lag            1ms       1ms       1ms       1ms       1ms       1ms

FIRST ERRORS
connect     at 1.5s: dial tcp 127.0.0.1:8080: connection refused

Dropped requests were due while the most allowed were in flight; allow more to send them.
`
	if b.String() != want {
		t.Errorf("table:\n%s\nwant:\n%s", b.String(), want)
	}
}

func TestHistogramFileIsAPercentileDistributionInMilliseconds(t *testing.T) {
	r := newRecorder()
	for i := range 1000 {
		r.sent()
		r.ended(outcome{status: 200}, 0, time.Duration(i+1)*time.Millisecond, 0)
	}
	var b bytes.Buffer
	if err := r.report().WriteHistogram(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if strings.Join(strings.Fields(lines[0]), " ") != "Value Percentile TotalCount 1/(1-Percentile)" {
		t.Errorf("header %q", lines[0])
	}
	half := false
	for _, line := range lines {
		var value, percentile, inverse float64
		var count int64
		if n, _ := fmt.Sscan(line, &value, &percentile, &count, &inverse); n == 4 && percentile == 0.5 {
			half = near(value, 500, 0.5) && count == 500 && inverse == 2
		}
	}
	if !half {
		t.Errorf("no line for the median, 500 ms and 500 requests:\n%s", b.String())
	}
	if err := (Report{}).WriteHistogram(io.Discard); err != nil {
		t.Errorf("empty report: %v", err)
	}
}

func TestALatencyThatNobodyMeasuredIsNotZero(t *testing.T) {
	var table strings.Builder
	if err := (Report{Counts: Counts{Scheduled: 1, Sent: 1, Failed: 1}}).WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if text := table.String(); !strings.Contains(text, "answer               -         -         -") {
		t.Errorf("the table says\n%s\nexpected a dash for the latency of no answer", text)
	}
}
