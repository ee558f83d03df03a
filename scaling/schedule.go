package scaling

import (
	"fmt"

	"headroom.dev/headroom"
)

// scheduled proposes a number while its window holds.
type scheduled struct {
	policy headroom.ScalingPolicy
	window timeWindow
}

func (t scheduled) propose(s *situation) (headroom.Proposal, bool) {
	p := headroom.Proposal{Kind: headroom.KindSchedule}
	if !t.window.holds(s.at) {
		if !s.quiet {
			p.Note = "its time has not come: " + t.policy.Schedule.From + " to " + t.policy.Schedule.Until
		}
		return p, false
	}
	replicas := t.policy.Schedule.Replicas
	p.Replicas = &replicas
	if !s.quiet {
		p.Note = fmt.Sprintf("%s asks for %s from %q to %q", t.policy.Name, count(replicas), t.policy.Schedule.From, t.policy.Schedule.Until)
	}
	return p, false
}

// bounds are other bounds while a window holds.
type bounds struct {
	settings headroom.BoundsWindow
	window   timeWindow
}

// bind gives the situation the bounds that hold now: of several the largest minimum and the smallest maximum; a minimum beats a maximum.
func (c *Compiled) bind(s *situation) {
	low, high := -1, -1
	for _, b := range c.bounds {
		if !b.window.holds(s.at) {
			continue
		}
		if n := b.settings.MinReplicas; n != nil && *n > low {
			low, s.minName = *n, b.settings.Name
		}
		if n := b.settings.MaxReplicas; n != nil && (high < 0 || *n < high) {
			high, s.maxName = *n, b.settings.Name
		}
	}
	if low >= 0 {
		s.min = low
	}
	if high >= 0 {
		s.max = high
	}
	if s.max < s.min {
		s.max, s.maxName = s.min, s.minName
	}
	s.max = max(s.max, 1)
}
