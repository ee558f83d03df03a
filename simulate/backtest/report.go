package backtest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/rule"
)

// Report is how the user's policy and others did on the same load.
type Report struct {
	Service   string             `json:"service"`
	From      time.Time          `json:"from"`
	To        time.Time          `json:"to"`
	Objective headroom.Objective `json:"objective"`
	Model     Model              `json:"model"`
	LoadMean  float64            `json:"loadMean"` // requests per second
	LoadMost  float64            `json:"loadMost"` // requests in one second
	Seed      uint64             `json:"seed"`
	Notes     []string           `json:"notes,omitempty"` // what was assumed, in sentences
	Results   []Result           `json:"results"`         // the user's policy first
}

// Compare tries the user's policy and then others, by their names. Each gets every decision of the user's policy that changed the number, in order; nil for none.
func Compare(ctx context.Context, w World, names []string, each func(headroom.Decision)) (Report, error) {
	if err := w.Validate(); err != nil {
		return Report{}, err
	}
	r := Report{Service: w.Service, From: w.Load.Start, To: w.Load.Start.Add(time.Duration(len(w.Load.Arrivals)) * time.Second),
		Objective: w.Objective, Model: w.Model, Seed: w.Seed, Notes: unmodeled(w.Policy)}
	for _, arrivals := range w.Load.Arrivals {
		r.LoadMean += arrivals / float64(len(w.Load.Arrivals))
		r.LoadMost = max(r.LoadMost, arrivals)
	}
	if n := replicasFor(r.LoadMost, w.Model.Capacity); n > w.Policy.MaxReplicas {
		r.Notes = append(r.Notes, fmt.Sprintf("The busiest second has %.0f requests, which %d replicas could answer; maxReplicas is %d.", r.LoadMost, n, w.Policy.MaxReplicas))
	}
	all := append([]string{NameOwn}, names...)
	scalers := make([]Autoscaler, len(all))
	for i, name := range all {
		scaler, err := New(w, name, each)
		if err != nil {
			return Report{}, err
		}
		scalers[i] = scaler
	}
	r.Results = make([]Result, len(all))
	errs := make([]error, len(all))
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for i, name := range all {
		wait.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			r.Results[i], errs[i] = Run(ctx, w, name, scalers[i])
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return Report{}, err
		}
	}
	return r, nil
}

// unmodeled says in sentences which of a policy's signals nothing is known of here.
func unmodeled(p headroom.Scaling) []string {
	var notes []string
	for _, metric := range Unmodeled(p) {
		notes = append(notes, fmt.Sprintf("The signal %s is not in the load: it is unknown throughout, and nothing shrinks because of it.", metric))
	}
	return notes
}

// Unmodeled lists the signals of a policy of which no load says anything: the user's own, memory, and bytes. Those of shadows do not count.
func Unmodeled(p headroom.Scaling) []string {
	var unknown []string
	note := func(metric headroom.Metric) {
		_, own := p.Signals[metric]
		missing := own || metric == headroom.MetricMemory || metric == headroom.MetricBytesPerSecond
		if missing && !slices.Contains(unknown, string(metric)) {
			unknown = append(unknown, string(metric))
		}
	}
	if p.TargetMemoryUtilization > 0 {
		note(headroom.MetricMemory)
	}
	for _, policy := range p.Policies {
		if policy.Shadow {
			continue
		}
		note(policy.Metric)
		if policy.Target != nil {
			note(policy.Target.Metric)
		}
		if policy.Steps != nil {
			note(policy.Steps.Metric)
		}
		for _, metric := range named(policy) {
			note(metric)
		}
		if policy.Kubernetes != nil {
			for _, metric := range policy.Kubernetes.Metrics {
				note(metric.Name)
			}
		}
	}
	return unknown
}

// named lists the signals in the expressions of a policy.
func named(policy headroom.ScalingPolicy) []headroom.Metric {
	var texts []string
	if policy.Rule != nil {
		texts = append(texts, policy.Rule.When, policy.Rule.Replicas)
	}
	if policy.Formula != nil {
		texts = append(texts, policy.Formula.Value)
	}
	if len(texts) == 0 {
		return nil
	}
	compiler, err := rule.NewCompiler()
	if err != nil {
		return nil // never: its parts are fixed
	}
	var metrics []headroom.Metric
	for _, text := range texts {
		for _, name := range compiler.Signals(text) {
			metrics = append(metrics, headroom.Metric(name))
		}
	}
	return metrics
}
