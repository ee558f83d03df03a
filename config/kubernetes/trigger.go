package kubernetes

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"headroom.dev/headroom"
)

// trigger is one of KEDA's triggers: a metric of the HPA, and where its value comes from.
type trigger struct {
	name       string // as its user gave it; "" without
	metric     headroom.KubernetesMetric
	from       *headroom.SignalFrom // nil for cpu and memory
	activation float64              // it is active above this
	at         *node
}

// keep adds its signal to the policy.
func (t trigger) keep(a *Autoscaler) {
	if t.from == nil {
		return
	}
	if a.Scaling.Signals == nil {
		a.Scaling.Signals = map[headroom.Metric]headroom.SignalFrom{}
	}
	a.Scaling.Signals[t.metric.Name] = *t.from
}

// sources are the triggers that are taken over.
var sources = map[string]func(objectReader, *Autoscaler, *trigger, *block){
	"prometheus": objectReader.prometheus, "cron": objectReader.cron, "metrics-api": objectReader.metricsAPI, "external": objectReader.external,
	"cpu": objectReader.share, "memory": objectReader.share,
}

// triggers reads spec.triggers.
func (r objectReader) triggers(a *Autoscaler, spec *block, every headroom.Duration) []trigger {
	items, given := spec.list("triggers")
	if !given || len(items) == 0 {
		spec.problem(spec.take("triggers"), "triggers", "must have at least one trigger")
	}
	var made []trigger
	taken := map[headroom.Metric]bool{}
	for _, builtIn := range headroom.Metrics() {
		taken[builtIn] = true
	}
	for i, item := range items {
		b := open(r.found, spec.join(index("triggers", i)), item)
		t, ok := r.trigger(a, b, every)
		if !ok {
			continue
		}
		if t.from != nil {
			t.metric.Name = unique(taken, word(firstOf(t.name, b.at.find("type").text), "trigger"))
		}
		made = append(made, t)
	}
	return made
}

// unique makes a name that no other signal and no built-in metric has.
func unique(taken map[headroom.Metric]bool, name string) headroom.Metric {
	const room = 8 // for what is put behind, of the 63 that a name may have
	made := headroom.Metric(name)
	for n := 2; taken[made]; n++ {
		made = headroom.Metric(fmt.Sprintf("%s-%d", name[:min(len(name), 63-room)], n))
	}
	taken[made] = true
	return made
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (r objectReader) trigger(a *Autoscaler, b *block, every headroom.Duration) (trigger, bool) {
	kind := b.needed("type", "prometheus")
	read, known := sources[kind]
	if !known {
		if kind != "" {
			b.problem(b.take("type"), "type", "%q: headroom takes over %s. Have Prometheus, a JSON document, a program or an external scaler say the number "+
				"(promql, http, command and external of a signal), and set a target on that signal", kind, strings.Join(slices.Sorted(maps.Keys(sources)), ", "))
		}
		return trigger{}, false
	}
	before := len(r.found.list) + r.found.more
	t := trigger{at: b.at}
	t.name, _ = b.text("name")
	b.refuse("authenticationRef", "secrets of the cluster are not read: take this out, import, and give the signal headers (Authorization: 'Bearer file:token') or a caFile")
	b.truth("useCachedMetrics", false) // headroom reads once per pollingInterval in any case
	metadata := b.block("metadata")
	if metadata == nil {
		b.problem(nil, "metadata", "must be given")
		return t, false
	}
	for _, e := range metadata.at.entries {
		if strings.HasSuffix(e.key.text, "FromEnv") {
			metadata.refuse(e.key.text, "environments of containers are not read: write the value itself as "+strings.TrimSuffix(e.key.text, "FromEnv"))
		}
	}
	if kind == "cpu" || kind == "memory" {
		t.metric.Name = headroom.Metric(kind)
	} else {
		from := defaultSignal()
		from.Every = every
		from.StaleAfter = max(from.StaleAfter, min(2*every, seconds(24*3600))) // one that was missed is not unknown yet
		t.from = &from
		t.metric.Type, t.metric.TargetType = "External", b.one("metricType", "AverageValue", "Value")
	}
	read(r, a, &t, metadata)
	if kind == "cpu" || kind == "memory" {
		r.shareOf(&t, b, metadata)
	}
	b.done("a trigger of KEDA")
	metadata.done("the trigger " + kind)
	return t, len(r.found.list)+r.found.more == before
}

// amount reads a number of a trigger's metadata; these are texts in KEDA.
func (b *block) amount(name string, other float64) (float64, *node) {
	text, n := b.text(name)
	if n == nil {
		return other, nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || !(value >= 0 && value <= mostTarget) {
		b.problem(n, name, "%q: must be a number from 0 to %.0f", text, float64(mostTarget))
		return other, n
	}
	return value, n
}

// threshold reads the target of a trigger, which KEDA keeps in thousandths.
func (t *trigger) threshold(b *block, name string) {
	value, n := b.amount(name, 0)
	switch {
	case n == nil && !b.has(name):
		b.problem(nil, name, "must be given, such as '30'")
	case n != nil && value < leastTarget:
		b.problem(n, name, "%q: a target must be at least %g", n.text, leastTarget)
	}
	t.metric.Target = float64(int64(value*1000)) / 1000
}
