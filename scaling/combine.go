package scaling

import (
	"math"

	"headroom.dev/headroom"
)

// combine makes one number of the proposals. The index is of the one that decided: of several the first, for a weighted mean the one with the most weight; -1
// where all abstain, which leaves the number as it is, or takes it to zero where nothing has been active for long enough.
func (s *situation) combine(how headroom.Combination, proposals []headroom.Proposal) (int, int) {
	idle := s.idle()
	counts := func(p *headroom.Proposal) bool {
		return p.Replicas != nil && !p.Shadow && !(idle && p.Kind != headroom.KindSchedule && blind(p.Metric))
	}
	needed, deciding := s.choose(how, proposals, counts)
	switch {
	case deciding >= 0:
		return needed, deciding
	case idle:
		return 0, -1
	default:
		return s.from, -1
	}
}

// choose is combine over the proposals that count; -1 where there are none.
func (s *situation) choose(how headroom.Combination, proposals []headroom.Proposal, counts func(*headroom.Proposal) bool) (int, int) {
	deciding := -1
	prefer := func(better func(a, b int) bool) {
		for i := range proposals {
			if counts(&proposals[i]) && (deciding < 0 || better(*proposals[i].Replicas, *proposals[deciding].Replicas)) {
				deciding = i
			}
		}
	}
	switch how {
	case headroom.CombineMin:
		prefer(func(a, b int) bool { return a < b })
	case headroom.CombineFirst:
		prefer(func(int, int) bool { return false })
	case headroom.CombineAll:
		return s.agree(proposals, counts)
	case headroom.CombineWeighted:
		return s.weigh(proposals, counts)
	default:
		prefer(func(a, b int) bool { return a > b })
	}
	if deciding < 0 {
		return 0, -1
	}
	return *proposals[deciding].Replicas, deciding
}

// agree changes only where every proposal goes the same way, and then by the least.
func (s *situation) agree(proposals []headroom.Proposal, counts func(*headroom.Proposal) bool) (int, int) {
	deciding := -1
	for i := range proposals {
		p := &proposals[i]
		if !counts(p) {
			continue
		}
		if deciding < 0 || distance(*p.Replicas, s.from) < distance(*proposals[deciding].Replicas, s.from) {
			deciding = i
		}
	}
	if deciding < 0 {
		return s.from, -1
	}
	way := *proposals[deciding].Replicas - s.from
	for i := range proposals {
		p := &proposals[i]
		if counts(p) && (*p.Replicas-s.from)*sign(way) <= 0 {
			return s.from, i // the one that does not agree
		}
	}
	return *proposals[deciding].Replicas, deciding
}

func distance(a, b int) int { return max(a-b, b-a) }

func sign(n int) int {
	switch {
	case n > 0:
		return 1
	case n < 0:
		return -1
	default:
		return 0
	}
}

// weigh is the mean of all by their weights, rounded up.
func (s *situation) weigh(proposals []headroom.Proposal, counts func(*headroom.Proposal) bool) (int, int) {
	deciding, sum, weights, heaviest := -1, 0.0, 0.0, 0.0
	for i := range proposals {
		p := &proposals[i]
		if !counts(p) {
			continue
		}
		weight := p.Weight
		if !(weight > 0) {
			weight = 1
		}
		if weight > heaviest {
			deciding, heaviest = i, weight
		}
		sum += weight * float64(*p.Replicas)
		weights += weight
	}
	if deciding < 0 {
		return s.from, -1
	}
	return int(math.Min(math.Ceil(sum/weights-sliver), mostReplicas)), deciding
}

// base is the part of the wanted replicas that is not spare, so that a number that holds does not grow by its own spare at each decision. Of any replicas at least
// one is not spare: with none, zero would be no change and never reached.
func base(wanted int, spare headroom.Spare) int {
	b := wanted
	for b > 1 && withSpare(b, spare) > wanted {
		b--
	}
	return b
}

// withSpare adds the larger of both spares.
func withSpare(replicas int, spare headroom.Spare) int {
	if replicas == 0 {
		return 0
	}
	extra := int(math.Ceil(float64(replicas)*spare.Percent/100 - sliver))
	return min(replicas+max(extra, spare.Replicas), mostReplicas)
}
