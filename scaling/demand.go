package scaling

import (
	"fmt"
	"math"

	"headroom.dev/headroom"
)

// sliver is subtracted before rounding up, so that 0.3/0.1 = 2.9999999999999996 and 3.0000000000000004 both need three
// replicas. A millionth of a replica is far below what can be measured.
const sliver = 1e-6

// demand proposes for a target on an amount that adds up over replicas: it divides the total by the target.
//
// Totals, not means times replicas: ceil(ratio × ready) of HPA counts load twice while replicas that were just added
// are not ready yet. Where all wanted replicas are ready both give the same.
//
//   - Up: when the total of the stable window is more than the wanted replicas are for, by more than the tolerance.
//   - Up on the last second alone: when it asks for at least panicThreshold times the ready replicas (Knative's panic
//     mode), or the processors are saturated. Knative compares the rounded number; at one or two replicas rounding
//     alone would then cause it (at 2 replicas and 1.5, any second above the target), so the ratio is not rounded here.
//   - Down: to the larger of both windows, when both agree.
//   - The tolerance is relative to the wanted number: with 4 wanted, 2 of them ready and load for 4.2, 4 are enough.
//
// Replicas that could not be read count as idle on the way up and as at their target on the way down, HPA's rule. (HPA
// counts them at 100 % for Utilization targets; one container without metrics then froze scale-down for eight hours,
// kubernetes/kubernetes#127193.) Replicas that are starting count as at their target on the way down too: those
// that are ready cannot show more load than they carry, so what they show is too little.
//
// The second result is true where too little is known to say that fewer would do.
func (s *situation) demand(metric headroom.Metric, target float64) (headroom.Proposal, bool) {
	p := headroom.Proposal{Metric: metric, Target: target}
	average, second := s.read(metric, stable), s.read(metric, fast)
	if !average.known && !second.known {
		p.Note = s.why(average)
		return p, true
	}

	d := division{target: target, from: s.from, up: s.toleranceUp, down: s.toleranceDown}
	up, from := s.from, average
	p.Window = string(stable)
	if average.known && d.above(average.total) {
		up = max(d.replicas(average.total), s.from)
	}
	burst := second.known && d.above(second.total) && s.bursting(second.total/target)
	if burst && d.replicas(second.total) > up {
		up, from, p.Window = d.replicas(second.total), second, string(fast)
	}
	if up > s.from {
		return s.propose(p, from, up, s.whyMore(p, from, up)), false
	}

	if !average.known {
		p.Window, p.Value, p.Note = string(fast), &second.perReplica, s.why(average)
		return p, true
	}
	if !second.known || !s.counted || s.ready == 0 {
		if !d.below(average.total) {
			return s.propose(p, average, s.from, s.whySame(p, average, false)), false
		}
		why := "no replica is ready to show what it can carry"
		if !s.counted {
			why = "the number of replicas is not known"
		} else if !second.known {
			why = "the last second is not known"
		}
		return s.propose(p, average, s.from, s.subject(p, average)+"; it stays at "+count(s.from)+", since "+why), false
	}

	down, idle := s.from, false
	larger := average
	if second.total > average.total {
		larger, p.Window = second, string(fast)
	}
	covered := larger.total + float64(larger.missing+s.starting+s.warming)*target
	if d.below(covered) {
		down = min(d.replicas(covered), s.from)
	} else {
		idle = d.below(larger.total)
	}
	if down == s.from {
		return s.propose(p, larger, s.from, s.whySame(p, larger, idle)), false
	}
	if s.quiet {
		return s.propose(p, larger, down, ""), false
	}
	note := s.subject(p, larger) + ", so " + enough(down)
	if larger.missing > 0 {
		note += fmt.Sprintf("; %d of %d could not be read and count as at their target", larger.missing, larger.replicas)
	}
	return s.propose(p, larger, down, note), false
}

// bursting reports whether the last second may be acted upon without averaging. Asked is what it asks for, not rounded.
func (s *situation) bursting(asked float64) bool {
	return s.saturated || asked >= s.panicThreshold*float64(s.readyAtLeastOne())-sliver
}

func (s *situation) propose(p headroom.Proposal, m measured, replicas int, note string) headroom.Proposal {
	if len(s.numbers) == 0 {
		s.numbers = make([]proposed, 1)
	}
	kept := &s.numbers[0]
	s.numbers = s.numbers[1:]
	kept.value, kept.replicas = m.perReplica, replicas
	p.Value, p.Replicas, p.Note = &kept.value, &kept.replicas, note
	return p
}

func (s *situation) whyMore(p headroom.Proposal, m measured, up int) string {
	if s.quiet {
		return ""
	}
	note := s.subject(p, m) + ", so " + needed(up)
	if m.missing > 0 {
		note += fmt.Sprintf("; %d of %d could not be read and count as idle", m.missing, m.replicas)
	}
	if p.Window != string(fast) {
		return note
	}
	asked := m.total / p.Target / float64(s.readyAtLeastOne())
	if s.counted && asked >= s.panicThreshold-sliver {
		return note + fmt.Sprintf("; that is %s times the %d that are ready, so it is not averaged", number(asked), s.readyAtLeastOne())
	}
	if s.saturated {
		return note + "; the processors are saturated, so it is not averaged"
	}
	return note + fmt.Sprintf("; that is %s times the %d that are wanted, so it is not averaged", number(asked), s.readyAtLeastOne())
}

func (s *situation) whySame(p headroom.Proposal, m measured, idle bool) string {
	if s.quiet {
		return ""
	}
	if idle {
		return s.subject(p, m) + fmt.Sprintf("; it stays at %s, since %d that could not be read and %d that are starting or warming up count as at their target",
			count(s.from), m.missing, s.starting+s.warming)
	}
	asked := m.total / p.Target / float64(max(s.from, 1))
	tolerance := s.toleranceDown
	if asked > 1 {
		tolerance = s.toleranceUp
	}
	if math.Abs(asked-1) <= tolerance+sliver {
		return s.subject(p, m) + fmt.Sprintf(", within the tolerance of %s %%, so %s", number(100*tolerance), enough(s.from))
	}
	return s.subject(p, m) + ", so " + enough(s.from)
}

// division turns a total into replicas.
type division struct {
	target   float64
	from     int
	up, down float64 // tolerances
}

// replicas is how many are needed for a total: rounded up, at most mostReplicas.
func (d division) replicas(total float64) int {
	needed := math.Ceil(total/d.target - sliver)
	if !(needed < mostReplicas) {
		return mostReplicas
	}
	return max(int(needed), 0)
}

// above reports whether the total is more than the wanted replicas are for, by more than the tolerance.
func (d division) above(total float64) bool {
	return total/d.target-sliver > float64(d.from)*(1+d.up)
}

// below reports whether the total is less than the wanted replicas are for, by more than the tolerance.
func (d division) below(total float64) bool {
	return total/d.target+sliver < float64(d.from)*(1-d.down)
}
