package scaling

import (
	"fmt"
	"math"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/kpa"
)

// concurrency decides as Knative's autoscaler does, each second rather than every other.
type concurrency struct {
	policy headroom.ScalingPolicy
	kpa    kpa.Policy
}

func concurrencyOf(p headroom.ScalingPolicy) concurrency {
	given := *p.Concurrency
	settings := kpa.Default()
	settings.Total = given.Target
	settings.Target = kpa.Target(given.Target, given.TargetUtilization/100)
	settings.StableWindow = time.Duration(given.StableWindow)
	settings.PanicWindow = kpa.PanicWindow(settings.StableWindow, given.PanicWindow)
	settings.PanicThreshold = given.PanicThreshold / 100
	settings.MaxScaleUpRate, settings.MaxScaleDownRate = given.MaxScaleUpRate, given.MaxScaleDownRate
	settings.ActivationScale, settings.ScaleDownDelay = given.ActivationScale, time.Duration(given.ScaleDownDelay)
	settings.TargetBurstCapacity, settings.Interval = 0, time.Second
	return concurrency{p, settings}
}

// sameSecond is how soon after another a decision is made from the same measurement, since one comes each second: an order by hand or a change of the
// policy is decided at once. Knative's windows add up what comes within a second, so it would count twice.
const sameSecond = time.Second / 2

// propose decides by what is in flight to three digits: windows of numbers with sixteen would be most of a record.
func (c concurrency) propose(s *situation) (headroom.Proposal, bool) {
	metric := c.policy.Concurrency.Metric
	p := headroom.Proposal{Kind: headroom.KindConcurrency, Metric: metric, Target: c.kpa.Target}
	before := headroom.Recall[kpa.State](s.recall(c.policy.Name))
	state := before.Clone()
	second := s.read(metric, fast)
	ready := -1
	if s.counted {
		ready = s.ready
	}
	again := s.at.Sub(before.DecidedAt) < sameSecond && !s.at.Before(before.DecidedAt)
	load := math.Round(second.total*1000) / 1000
	d := kpa.Step(c.kpa, kpa.Input{Now: s.at, Load: load, Measured: second.known && !again, Ready: ready}, &state)
	s.remember(c.policy.Name, state)
	if !d.Known {
		p.Note = "the number of replicas is not known"
		if d.Bound != kpa.BoundNoReady && !s.quiet {
			p.Note = fmt.Sprintf("%s has not been measured for %s", metric, headroom.Duration(c.kpa.StableWindow))
		}
		return p, true
	}
	value := d.StableLoad
	p.Window = string(stable)
	if d.Panic {
		value, p.Window = d.PanicLoad, string(fast)
	}
	p.Value = &value
	replicas := min(max(d.Desired, 0), mostReplicas)
	p.Replicas = &replicas
	if !s.quiet {
		p.Note = c.note(s, d)
	}
	return p, false
}

func (c concurrency) note(s *situation, d kpa.Decision) string {
	has, unit := "has", "requests in flight"
	if c.policy.Concurrency.Metric == headroom.MetricRequestsPerSecond {
		has, unit = "gets", "requests/s"
	}
	text := fmt.Sprintf("%s %s %s %s over %s and %s over %s; at %s per replica that takes %d and %s",
		s.service, has, number(d.StableLoad), unit, headroom.Duration(c.kpa.StableWindow), number(d.PanicLoad), headroom.Duration(c.kpa.PanicWindow),
		number(c.kpa.Target), d.StablePods, count(d.PanicPods))
	if d.Panic {
		text += "; it panics, so the number does not fall"
	}
	if d.Bound != kpa.BoundNone {
		text += fmt.Sprintf("; %s makes it %d", d.Bound, d.Desired)
	}
	return text
}
