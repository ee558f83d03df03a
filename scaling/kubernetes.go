package scaling

import (
	"errors"
	"fmt"
	"math"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/hpa"
)

// kubernetes decides as a HorizontalPodAutoscaler does, at its own pace; between, it proposes what it decided last.
type kubernetes struct {
	policy  headroom.ScalingPolicy
	spec    hpa.Spec
	sources map[headroom.Metric]headroom.SignalFrom
}

// kubernetesMemory is what it remembers.
type kubernetesMemory struct {
	State    hpa.State `json:"state"`
	Replicas int       `json:"replicas"` // decided last
	// Metric, Target and Value are of what decided it.
	Metric headroom.Metric `json:"metric,omitempty"`
	Target float64         `json:"target,omitempty"`
	Value  float64         `json:"value,omitempty"`
	Note   string          `json:"note,omitempty"`
	At     time.Time       `json:"at"` // zero is never
}

// Requests of replicas are their limits: what 100 % means. In units of thousandths, as hpa counts.
const wholeRequest = 100_000

func kubernetesOf(p headroom.ScalingPolicy, all headroom.Scaling) kubernetes {
	controller := hpa.DefaultController()
	k := kubernetes{policy: p, sources: all.Signals, spec: hpa.Spec{
		Bounds: hpa.Bounds{Min: all.MinReplicas, Max: max(all.MaxReplicas, all.MinReplicas, 1)}, Controller: controller}}
	if b := p.Kubernetes.Behavior; b != nil {
		k.spec.Behavior = &hpa.Behavior{
			ScaleUp:   over(hpa.DefaultScaleUp(controller), b.ScaleUp),
			ScaleDown: over(hpa.DefaultScaleDown(controller), b.ScaleDown),
		}
	}
	for _, m := range p.Kubernetes.Metrics {
		made := hpa.Metric{Source: hpa.Source(m.Type), Name: string(m.Name), Type: hpa.TargetType(m.TargetType), Target: milli(m.Target)}
		if made.Type == hpa.Utilization {
			made.Target = int64(m.Target)
		}
		if made.Source == hpa.ContainerResource {
			made.Container = "replica"
		}
		k.spec.Metrics = append(k.spec.Metrics, made)
	}
	return k
}

// over sets what a user gave over HPA's defaults.
func over(rules hpa.Rules, given headroom.BehaviorRules) hpa.Rules {
	if given.StabilizationWindow != nil {
		rules.StabilizationWindow = time.Duration(*given.StabilizationWindow)
	}
	if len(given.Policies) > 0 {
		rules.Policies = ratesOf(given.Policies)
	}
	if given.Select != "" {
		rules.Select = selectOf(given.Select)
	}
	if given.Tolerance != nil {
		rules.Tolerance = *given.Tolerance
	}
	return rules
}

func milli(value float64) int64 {
	value = math.Round(value * 1000)
	if !(value < math.MaxInt64/4) {
		return math.MaxInt64 / 4
	}
	return int64(value)
}

func (k kubernetes) propose(s *situation) (headroom.Proposal, bool) {
	p := headroom.Proposal{Kind: headroom.KindKubernetes}
	memory := headroom.Recall[kubernetesMemory](s.recall(k.policy.Name))
	period := time.Duration(k.policy.Kubernetes.SyncPeriod)
	if since := s.at.Sub(memory.At); !memory.At.IsZero() && since >= 0 && since < period && !(s.from == 0 && s.active()) {
		s.remember(k.policy.Name, memory)
		// What came between (other policies, orders by hand) is for those to say.
		memory.show(&p)
		if !s.quiet {
			p.Note = fmt.Sprintf("it decides every %s; %s ago: %s", k.policy.Kubernetes.SyncPeriod, span(since), memory.Note)
		}
		return p, false
	}
	if !s.counted {
		p.Note = "the number of replicas is not known"
		s.remember(k.policy.Name, memory)
		return p, true
	}
	spec := k.spec
	spec.Min, spec.Max = s.min, s.max
	proposals := make([]hpa.Proposed, len(spec.Metrics))
	for i, metric := range spec.Metrics {
		proposals[i].Proposal, proposals[i].Err = k.ask(s, metric, spec.Tolerance())
	}
	if s.from == 0 {
		memory.State.ScaledToZero = true // who took the replicas away is known: we did
	}
	d, state := hpa.Step(spec, proposals, s.from, memory.State, s.at)
	memory = kubernetesMemory{State: state, Replicas: d.Replicas, At: s.at}
	memory.Note = k.note(d, s.from)
	if i := d.Deciding; i >= 0 {
		memory.Metric, memory.Target = headroom.Metric(spec.Metrics[i].Name), k.policy.Kubernetes.Metrics[i].Target
		memory.Value = float64(proposals[i].Value)
		if spec.Metrics[i].Type != hpa.Utilization {
			memory.Value /= 1000
		}
	}
	s.remember(k.policy.Name, memory)
	memory.show(&p)
	return p, d.Deciding < 0 && d.Err != nil
}

// show makes a proposal of what was decided.
func (m kubernetesMemory) show(p *headroom.Proposal) {
	p.Metric, p.Target, p.Replicas, p.Note = m.Metric, m.Target, &m.Replicas, m.Note
	if m.Metric != "" {
		p.Value = &m.Value
	}
}

// ask has one metric propose.
func (k kubernetes) ask(s *situation, metric hpa.Metric, t hpa.Tolerance) (hpa.Proposal, error) {
	name := headroom.Metric(metric.Name)
	m := s.read(name, stable)
	external := metric.Source == hpa.Object || metric.Source == hpa.External
	if fallback := k.sources[name].Fallback; !m.known && givesNumber(fallback) && s.signals[name].Failures >= max(fallback.After, 1) {
		// KEDA answers target × replicas, of which HPA makes the replicas again.
		return hpa.Proposal{Replicas: s.fallback(fallback), Ratio: 1, Assumed: 1}, nil
	}
	if !m.known {
		return hpa.Proposal{}, errors.New(m.cause.String())
	}
	if external {
		total := m.total
		if name.Shared() {
			total = m.perReplica
		}
		return metric.FromValue(milli(total), hpa.Count{Wanted: s.from, Observed: s.ready + s.starting, Listed: s.ready + s.starting, Ready: s.ready}, t)
	}
	totals := hpa.Totals{Measured: m.replicas - m.missing, Missing: m.missing, Unready: s.starting, Usage: milli(m.total)}
	if name.Shared() {
		totals.Usage = milli(m.perReplica * float64(totals.Measured)) // each pod would say the same of the service
	}
	if metric.Type == hpa.Utilization {
		totals.Request = wholeRequest // usage is in percent of the limit already
	}
	return metric.FromTotals(totals, s.from, t)
}

func (k kubernetes) note(d hpa.Decision, from int) string {
	text := d.Why
	if text == "" {
		text = "the metrics ask for no change"
	}
	if d.Err != nil {
		text += "; " + d.Err.Error()
	}
	l := d.Limits
	if l.Limit == "" {
		return fmt.Sprintf("%s, so %s", text, enough(d.Replicas))
	}
	if l.Recommended > from {
		text += ", so " + needed(l.Recommended)
	} else {
		text += ", so " + enough(l.Recommended)
	}
	if l.Stabilized != l.Recommended {
		text += fmt.Sprintf("; %s makes it %d", l.Stabilization, l.Stabilized)
	}
	if l.Replicas != l.Stabilized {
		text += fmt.Sprintf("; %s makes it %d", l.Limit, l.Replicas)
	}
	return text
}
