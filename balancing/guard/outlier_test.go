package guard

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

func newTestDetector() *Detector {
	return &Detector{Draw: noJitter, Settings: headroom.OutlierDetection{
		Enabled: true, Interval: headroom.Duration(10 * time.Second), ConsecutiveErrors: 5, SuccessRateFactor: 1.9,
		LatencyFactor: 3, LatencyMargin: headroom.Duration(50 * time.Millisecond),
		EjectionTime: headroom.Duration(30 * time.Second), MaxEjectionTime: headroom.Duration(300 * time.Second), MaxEjectionPercent: 10,
	}}
}

func newHosts(n int) []*Host {
	hosts := make([]*Host, n)
	for i := range hosts {
		hosts[i] = &Host{}
	}
	return hosts
}

// serve counts requests, of which some failed, that were answered after a time.
func (h *Host) serve(requests, failures uint64, latency time.Duration) {
	h.Requests += requests
	h.Failures += failures
	h.Samples += requests
	h.FirstByte += time.Duration(requests) * latency
}

func ejectedOf(hosts []*Host) (places []int) {
	for i, h := range hosts {
		if h.Ejected {
			places = append(places, i)
		}
	}
	return places
}

func TestOutliersAreEjectedByWhatTheyDoWorse(t *testing.T) {
	for _, c := range []struct {
		name   string
		hosts  int
		serve  func(i int, h *Host)
		want   string // places
		detail string
	}{
		{"five errors in a row", 3, func(i int, h *Host) { h.Consecutive = []int64{0, 5, 4}[i] }, "[1]", "5 errors in a row"},
		{"one of two may be ejected", 2, func(i int, h *Host) { h.Consecutive = 5 }, "[0]", ""},
		{"the only one never is", 1, func(i int, h *Host) { h.Consecutive = 5 }, "[]", ""},
		// Rates 1 four times and 0.8: mean 0.96, deviation 0.08, limit 0.96 − 1.9·0.08 = 0.808.
		{"fewer successes", 5, func(i int, h *Host) { h.serve(100, []uint64{0, 0, 20, 0, 0}[i], 0) }, "[2]", "80.0 % of requests succeeded, of all 96.0 %"},
		{"99 requests are too few", 5, func(i int, h *Host) { h.serve(99, []uint64{0, 0, 99, 0, 0}[i], 0) }, "[]", ""},
		{"four backends are too few", 4, func(i int, h *Host) { h.serve(100, []uint64{0, 0, 99, 0}[i], 0) }, "[]", ""},
		{"all fail alike", 5, func(i int, h *Host) { h.serve(100, 90, 0) }, "[]", ""},
		// The median is 20 ms: 60 ms would be three times that, but the margin asks for 70.
		{"slower, but not by the margin", 3, func(i int, h *Host) { h.serve(20, 0, []time.Duration{20e6, 69e6, 20e6}[i]) }, "[]", ""},
		{"slower by the margin", 3, func(i int, h *Host) { h.serve(20, 0, []time.Duration{20e6, 71e6, 20e6}[i]) }, "[1]", "time to first byte 71ms, of the others 20ms"},
		// The median is 100 ms: the factor asks for more than 300.
		{"not three times as slow", 3, func(i int, h *Host) { h.serve(20, 0, []time.Duration{100e6, 299e6, 100e6}[i]) }, "[]", ""},
		{"19 samples are too few", 3, func(i int, h *Host) { h.serve(19, 0, []time.Duration{20e6, 9e9, 20e6}[i]) }, "[]", ""},
		{"two backends are too few", 2, func(i int, h *Host) { h.serve(20, 0, []time.Duration{20e6, 9e9}[i]) }, "[]", ""},
		{"one in ten, the slowest", 10, func(i int, h *Host) { h.serve(20, 0, time.Duration(1+i*i*i)*10*time.Millisecond) }, "[9]", ""},
	} {
		d, hosts := newTestDetector(), newHosts(c.hosts)
		d.Look(noon, hosts)
		for i, h := range hosts {
			c.serve(i, h)
		}
		d.Look(after(10*time.Second), hosts)
		if got := fmt.Sprint(ejectedOf(hosts)); got != c.want {
			t.Errorf("%s: ejected %s, want %s", c.name, got, c.want)
		}
		for _, h := range hosts {
			if h.Ejected && !strings.Contains(h.Detail, c.detail) {
				t.Errorf("%s: said %q, want %q", c.name, h.Detail, c.detail)
			}
		}
	}
}

func TestErrorsInARowEjectWithoutWaitingForTheInterval(t *testing.T) {
	d, hosts := newTestDetector(), newHosts(3)
	d.Look(noon, hosts)
	hosts[1].Consecutive = 5
	if !d.Look(after(time.Millisecond), hosts) || !hosts[1].Ejected {
		t.Error("not ejected")
	}
}

func TestEjectionsGrowWithEachAndShrinkWithEachCleanInterval(t *testing.T) {
	d, hosts := newTestDetector(), newHosts(3)
	now := noon
	d.Look(now, hosts)
	for _, seconds := range []int{30, 60, 90} {
		hosts[0].Consecutive = 5
		d.Look(now, hosts)
		length := time.Duration(seconds) * time.Second
		if got := hosts[0].Until().Sub(now); got != length {
			t.Fatalf("ejected for %v, want %v", got, length)
		}
		hosts[0].Consecutive = 0
		if d.Look(now.Add(length-1), hosts) && !hosts[0].Ejected {
			t.Fatal("returned a nanosecond early")
		}
		now = now.Add(length)
		if !d.Look(now, hosts) || hosts[0].Ejected {
			t.Fatal("did not return")
		}
	}
	// Three ejections. The interval of the return was not clean if it was ejected in it; three clean ones make the next a first.
	for range 4 {
		now = now.Add(10 * time.Second)
		d.Look(now, hosts)
	}
	hosts[0].Consecutive = 5
	d.Look(now, hosts)
	if got := hosts[0].Until().Sub(now); got != 30*time.Second {
		t.Errorf("after clean intervals it was ejected for %v, want 30s", got)
	}
	for range 20 { // without a clean interval between
		now = hosts[0].Until()
		hosts[0].Consecutive = 0
		d.Look(now, hosts)
		hosts[0].Consecutive = 5
		d.Look(now, hosts)
		if got := hosts[0].Until().Sub(now); got > 300*time.Second {
			t.Fatalf("ejected for %v, more than maxEjectionTime", got)
		}
	}
}

// Whatever happens, no more are ejected than may be, one at least is left, and everybody returns.
func TestNeverMoreAreEjectedThanTheShareAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newTestDetector()
		d.Settings.MaxEjectionPercent = rapid.IntRange(1, 100).Draw(t, "percent")
		hosts := newHosts(rapid.IntRange(1, 30).Draw(t, "hosts"))
		most := min(max(len(hosts)*d.Settings.MaxEjectionPercent/100, 1), len(hosts)-1)
		now := noon
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "ms")) * time.Millisecond)
			for range rapid.IntRange(0, 5).Draw(t, "served") {
				h := rapid.SampledFrom(hosts).Draw(t, "host")
				n := uint64(rapid.IntRange(0, 200).Draw(t, "requests"))
				h.serve(n, n/uint64(rapid.IntRange(1, 9).Draw(t, "share")), time.Duration(rapid.IntRange(0, 5000).Draw(t, "latency"))*time.Millisecond)
				h.Consecutive = int64(rapid.IntRange(0, 9).Draw(t, "row"))
			}
			d.Look(now, hosts)
			if n := len(ejectedOf(hosts)); n > most {
				t.Fatalf("%d of %d are ejected, at most %d may be", n, len(hosts), most)
			}
		}
		for _, h := range hosts {
			h.Consecutive = 0
		}
		d.Settings.SuccessRateFactor, d.Settings.LatencyFactor = 0, 0
		d.Look(now.Add(331*time.Second), hosts)
		if n := len(ejectedOf(hosts)); n > 0 {
			t.Fatalf("%d never return", n)
		}
	})
}
