package kubernetes

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"headroom.dev/headroom"
)

// metric reads one entry of spec.metrics.
func (r objectReader) metric(a *Autoscaler, b *block) (headroom.KubernetesMetric, bool) {
	blocks := map[string]string{"Resource": "resource", "ContainerResource": "containerResource", "Pods": "pods", "Object": "object", "External": "external"}
	kind := b.needed("type", "Resource")
	name, known := blocks[kind]
	if !known {
		if kind != "" {
			b.problem(b.take("type"), "type", "%q: must be one of Resource, ContainerResource, Pods, Object, External", kind)
		}
		b.ignore("resource", "containerResource", "pods", "object", "external")
		return headroom.KubernetesMetric{}, false
	}
	source := b.block(name)
	if source == nil {
		b.problem(nil, name, "must be given for the type %s", kind)
		return headroom.KubernetesMetric{}, false
	}
	b.done("a metric of the type " + kind)
	if name == "resource" || name == "containerResource" {
		return r.resource(a, kind, source)
	}
	return r.measured(a, kind, source)
}

// resource reads Resource and ContainerResource. A replica here is one process, so both are its use.
func (r objectReader) resource(a *Autoscaler, kind string, b *block) (headroom.KubernetesMetric, bool) {
	m := headroom.KubernetesMetric{Type: kind, Name: headroom.Metric(b.needed("name", "cpu"))}
	at := b.take("name")
	if kind == "ContainerResource" {
		a.note("container %s: a replica of headroom is one process, so the use of that process is compared", b.needed("container", "shop"))
	}
	if at != nil && m.Name != headroom.MetricCPU && m.Name != headroom.MetricMemory {
		b.problem(at, "name", "%q: headroom measures cpu and memory; make a signal of it, and a target on that: {name: disk, target: {metric: disk, value: 80}}", m.Name)
		return m, false
	}
	target := b.block("target")
	if target == nil {
		b.problem(nil, "target", "must be given, such as {type: Utilization, averageUtilization: 60}")
		return m, false
	}
	b.done("a metric of the type " + kind)
	m.TargetType = target.one("type", "Utilization", "AverageValue")
	if m.TargetType == "Utilization" {
		if !target.has("averageUtilization") {
			target.problem(nil, "averageUtilization", "must be given for the type Utilization, such as 60")
		}
		m.Target = float64(target.whole("averageUtilization", 1, 1, mostTarget))
		target.done("a target of the type Utilization")
		return m, true
	}
	value, valueAt := target.quantity("averageValue")
	if valueAt == nil {
		target.problem(nil, "averageValue", "must be given for the type AverageValue, such as 500m")
	}
	target.done("a target of the type AverageValue")
	return m, r.asShare(&m, target, "averageValue", value, valueAt)
}

// asShare makes a target in processors or bytes one in percent of what a replica has, which is what headroom measures.
func (r objectReader) asShare(m *headroom.KubernetesMetric, b *block, field string, value *big.Rat, at *node) bool {
	if value == nil {
		return false
	}
	whole, run, unit := big.NewRat(int64(r.CPU), 1000), "run.cpu", "processors"
	if m.Name == headroom.MetricMemory {
		whole, run, unit = big.NewRat(int64(r.Memory), 1), "run.memory", "bytes"
	}
	if whole.Sign() <= 0 {
		b.problem(at, field, "is %s %s, and headroom measures percent of %s, which is not known here: import for a service that has it (--service NAME), or make the target a Utilization",
			at.text, unit, run)
		return false
	}
	share := new(big.Rat).Quo(value, whole)
	m.Target = amount(share.Mul(share, big.NewRat(100, 1)))
	return inRange(b, field, at, m.Target)
}

func inRange(b *block, field string, at *node, target float64) bool {
	if target >= leastTarget && target <= mostTarget {
		return true
	}
	b.problem(at, field, "%q: a target must be from %g to %.0f", at.text, leastTarget, float64(mostTarget))
	return false
}

// measured reads Pods, Object and External, whose values need a signal.
func (r objectReader) measured(a *Autoscaler, kind string, b *block) (headroom.KubernetesMetric, bool) {
	m := headroom.KubernetesMetric{Type: kind}
	of := b.block("metric")
	if of == nil {
		b.problem(nil, "metric", "must be given, such as {name: queue_messages}")
		return m, false
	}
	name, at := of.needed("name", "queue_messages"), of.take("name")
	selector := selectorOf(of.block("selector"))
	of.done("a metric of the type " + kind)
	object := ""
	if kind == "Object" {
		if described := b.block("describedObject"); described != nil {
			object = described.needed("kind", "Ingress") + " " + described.needed("name", "shop")
			described.ignore("apiVersion")
			described.done("a metric of the type Object")
		}
	}
	target := b.block("target")
	if target == nil {
		b.problem(nil, "target", "must be given, such as {type: AverageValue, averageValue: 30}")
		return m, false
	}
	b.done("a metric of the type " + kind)
	field := "averageValue"
	m.TargetType = target.one("type", "AverageValue", "Value")
	if m.TargetType == "Value" {
		if field = "value"; kind == "Pods" {
			target.problem(target.take("type"), "type", `"Value": is for Object and External; of Pods it is AverageValue`)
		}
	}
	value, valueAt := target.quantity(field)
	if valueAt == nil && !target.has(field) {
		target.problem(nil, field, "must be given for the type %s, such as 30", m.TargetType)
	}
	target.done("a target of the type " + m.TargetType)
	if name == "" || value == nil {
		return m, false
	}
	m.Target = amount(value)
	ok := inRange(target, field, valueAt, m.Target)
	if m.Name = headroom.Metric(word(name, "metric")); !slices.Contains(headroom.Metrics(), m.Name) {
		ok = r.signal(a, of, at, m.Name, object, name+selector) && ok
	}
	return m, ok
}

// signal takes a signal over from what is given, or says how it may look.
func (r objectReader) signal(a *Autoscaler, b *block, at *node, name headroom.Metric, object, query string) bool {
	from, given := r.Signals[name]
	if given {
		if a.Scaling.Signals == nil {
			a.Scaling.Signals = map[headroom.Metric]headroom.SignalFrom{}
		}
		a.Scaling.Signals[name] = from
		return true
	}
	if object != "" {
		object = " of " + object
	}
	b.problem(at, "name", "headroom has to be told where the metric%s comes from: give the service a signal %s, and import again with --service. It may look so:\n"+
		"  signals:\n    %s: {promql: {query: '%s'}}", object, name, name, "sum("+strings.ReplaceAll(query, "'", "''")+")")
	return false
}

// selectorOf writes a label selector as PromQL has it, for the example.
func selectorOf(b *block) string {
	if b == nil {
		return ""
	}
	var parts []string
	if labels := b.block("matchLabels"); labels != nil {
		for _, e := range labels.at.entries {
			parts = append(parts, fmt.Sprintf("%s=%q", e.key.text, e.value.text))
		}
	}
	operators := map[string]string{"In": "=~", "NotIn": "!~", "Exists": "!=", "DoesNotExist": "="}
	items, _ := b.list("matchExpressions")
	for i, item := range items {
		e := open(b.found, b.join(index("matchExpressions", i)), item)
		values, _ := e.list("values")
		texts := make([]string, len(values))
		for j, value := range values {
			texts[j] = value.text
		}
		parts = append(parts, fmt.Sprintf("%s%s%q", e.needed("key", "queue"), operators[e.one("operator", "In", "NotIn", "Exists", "DoesNotExist")], strings.Join(texts, "|")))
		e.done("a selector")
	}
	b.done("a selector")
	if len(parts) == 0 {
		return ""
	}
	return "{" + strings.Join(parts, ",") + "}"
}
