package scaling_test

import (
	"context"
	"testing"
	"time"

	"headroom.dev/headroom/simulate/load"
	"headroom.dev/headroom/test/system"
)

// traffic is an open-loop client of a system at work.
type traffic struct {
	t      *testing.T
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{}
	report load.Report
}

// send starts a load of a shape such as "5s@10,10s@300", or of a rate that lasts until end.
func send(t *testing.T, s *system.System, shape string, change ...func(*load.Options)) *traffic {
	t.Helper()
	parsed, err := load.Parse(shape)
	if err != nil {
		t.Fatal(err)
	}
	options := load.Options{URL: "http://" + s.Traffic + "/", Shape: parsed}
	if parsed.End() == 0 {
		options.Duration = time.Minute // a bound; the test ends it
	}
	for _, c := range change {
		c(&options)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l := &traffic{t: t, began: time.Now(), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		report, err := load.Run(ctx, options)
		if err != nil {
			t.Error(err)
		}
		l.report = report
	}()
	t.Cleanup(func() { l.end() })
	return l
}

// post makes the load one of requests that may not be repeated.
func post(o *load.Options) {
	o.Method, o.Body = "POST", []byte("order")
}

// end stops the load and returns how it was answered.
func (l *traffic) end() load.Report {
	l.cancel()
	return l.wait()
}

// wait returns how the load was answered when its shape has ended.
func (l *traffic) wait() load.Report {
	<-l.done
	return l.report
}

// noneFailed fails the test unless every request was sent and answered with 200.
func noneFailed(t *testing.T, report load.Report) {
	t.Helper()
	c := report.Counts
	if c.Answered == 0 {
		t.Errorf("no request was answered: %+v", c)
	}
	if c.Failed > 0 || c.Dropped > 0 || len(report.Errors) > 0 || report.Statuses[200] != c.Sent {
		t.Errorf("requests failed: %+v, statuses %v, errors %+v", c, report.Statuses, report.Errors)
	}
	t.Logf("%d requests answered, p50 %s, p99 %s, slowest %s", c.Answered, report.Latency.P50, report.Latency.P99, report.Latency.Max)
}

// pass lets time go by: how long a disturbance lasts, where nothing can be waited for.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal("the test ends")
	}
}
