//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/bench/report"
)

// result is what was measured.
type result struct {
	Machine   string            `json:"machine"`
	Services  int               `json:"services"`
	Seconds   float64           `json:"seconds"`
	Decisions uint64            `json:"decisions"`
	P50       headroom.Duration `json:"latenessP50"` // after the end of the second that was decided on
	P99       headroom.Duration `json:"latenessP99"`
	Processor float64           `json:"processor"` // share of one core, the load of the bench itself included
	Parts     []part            `json:"parts"`
	Peers     []peer            `json:"peers"`
}

// part is a sixth of the time, to see whether anything grows.
type part struct {
	P99         headroom.Duration `json:"latenessP99"`
	Allocations float64           `json:"allocationsPerDecision"`
	Bytes       float64           `json:"bytesPerDecision"`
	Heap        uint64            `json:"heapBytes"` // in use after a collection
	decisions   headroom.Histogram
}

// peer is what others say of theirs, and where.
type peer struct {
	Name   string `json:"name"`
	Says   string `json:"says"`
	Source string `json:"source"`
}

func peers() []peer {
	return []peer{
		{"HorizontalPodAutoscaler (GKE)", "1,000 objects, 5,000 from Kubernetes 1.33, every 15 s", "Google Kubernetes Engine documentation, horizontal Pod autoscaling limits"},
		{"KEDA", "300 objects: metrics take 5 s at p99 and scaling is over 10 minutes late", "github.com/kedacore/keda/issues/5624"},
		{"KEDA", "700 to 1,250 objects: 2.5 hours from one replica to two", "github.com/kedacore/keda/issues/6063"},
	}
}

func (b *bench) measure(length time.Duration) result {
	const parts = 6
	r := result{Machine: report.Machine(), Services: len(b.traffic.names), Peers: peers()}
	var all headroom.Histogram
	began, used := time.Now(), processorTime()
	for range parts {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p := part{}
		for _, said := range b.tick(length / parts) {
			p.decisions.Merge(said.Lateness)
		}
		runtime.ReadMemStats(&after)
		decisions := float64(max(p.decisions.Count, 1))
		p.Allocations = float64(after.Mallocs-before.Mallocs) / decisions
		p.Bytes = float64(after.TotalAlloc-before.TotalAlloc) / decisions
		p.Heap = after.HeapInuse
		p.P99 = quantile(p.decisions, 0.99)
		all.Merge(p.decisions)
		r.Parts = append(r.Parts, p)
	}
	r.Seconds = time.Since(began).Seconds()
	r.Processor = (processorTime() - used).Seconds() / r.Seconds
	r.Decisions, r.P50, r.P99 = all.Count, quantile(all, 0.5), quantile(all, 0.99)
	return r
}

func quantile(h headroom.Histogram, q float64) headroom.Duration {
	d, _ := h.Quantile(q)
	return headroom.Duration(d)
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (r result) print(out io.Writer) {
	fmt.Fprintf(out, "%s; GOMAXPROCS=1\n", r.Machine)
	goal := time.Duration(100 * time.Millisecond)
	report.Table(out, "The control loop", []string{fmt.Sprintf("%d services, three signals, each second", r.Services), "measured", "goal"}, [][]string{
		{"lateness of a decision, half", report.Milliseconds(time.Duration(r.P50)), ""},
		{"lateness of a decision, 99 %", report.Milliseconds(time.Duration(r.P99)), "< " + report.Milliseconds(goal)},
		{"decisions per second", fmt.Sprintf("%.0f", float64(r.Decisions)/r.Seconds), fmt.Sprint(r.Services)},
		{"processor, share of one core", fmt.Sprintf("%.0f %%", 100*r.Processor), ""},
	})
	var rows [][]string
	for i, p := range r.Parts {
		length := r.Seconds / float64(len(r.Parts))
		rows = append(rows, []string{fmt.Sprintf("%.0f s to %.0f s", float64(i)*length, float64(i+1)*length), report.Milliseconds(time.Duration(p.P99)),
			fmt.Sprintf("%.1f", p.Allocations), fmt.Sprintf("%.0f", p.Bytes), report.Megabytes(int64(p.Heap))})
	}
	report.Table(out, "Over the time", []string{"", "lateness, 99 %", "allocations per decision", "bytes per decision", "heap"}, rows)
	rows = nil
	for _, p := range r.Peers {
		rows = append(rows, []string{p.Name, p.Says, p.Source})
	}
	report.Table(out, "What others say of theirs", []string{"", "", "source"}, rows)
}
