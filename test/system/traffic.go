package system

import (
	"context"
	"testing"
	"time"

	"headroom.dev/headroom/simulate/load"
)

// Traffic is an open-loop client of a system at work.
type Traffic struct {
	Began time.Time

	cancel context.CancelFunc
	done   chan struct{}
	report load.Report
}

// Send starts a load of a shape such as "5s@10,10s@300", or of a rate that lasts until End and at most an hour.
func (s *System) Send(shape string, change ...func(*load.Options)) *Traffic {
	s.t.Helper()
	parsed, err := load.Parse(shape)
	if err != nil {
		s.t.Fatal(err)
	}
	// However slow a crowded machine is, a request that is answered has not failed.
	options := load.Options{URL: "http://" + s.Traffic + "/", Shape: parsed, Timeout: time.Minute}
	if parsed.End() == 0 {
		options.Duration = time.Hour
	}
	for _, c := range change {
		c(&options)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	l := &Traffic{Began: time.Now(), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		report, err := load.Run(ctx, options)
		if err != nil {
			s.t.Error(err)
		}
		l.report = report
	}()
	s.t.Cleanup(func() { l.End() })
	return l
}

// Post makes a load one of requests that may not be repeated, so that no retry can save them.
func Post(o *load.Options) {
	o.Method, o.Body = "POST", []byte("order")
}

// End stops the load and returns how it was answered.
func (l *Traffic) End() load.Report {
	l.cancel()
	return l.Wait()
}

// Wait returns how the load was answered when its shape has ended.
func (l *Traffic) Wait() load.Report {
	<-l.done
	return l.report
}

// Done is closed when the load has ended.
func (l *Traffic) Done() <-chan struct{} { return l.done }

// NoneFailed fails the test unless every request was sent and answered with 200.
func NoneFailed(t testing.TB, report load.Report) {
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

// Pass lets time go by: how long a disturbance lasts, where nothing can be waited for.
func Pass(t testing.TB, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal("the test ends")
	}
}
