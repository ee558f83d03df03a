package control

import (
	"reflect"
	"slices"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// shadow is a policy that decides nothing, compared with what is decided.
type shadow struct {
	policy headroom.ScalingPolicy // as it is compared: a changed one is another
	wants  *int                   // nil while it abstains
	since  time.Time              // when it began to want that; zero is not yet
	// minutes are those of the last hour, each at its number since 1970 modulo 60. In memory only: a restart begins anew.
	minutes [60]minuteCompared
}

// minuteCompared is how a shadow differed within one minute.
type minuteCompared struct {
	minute             int64         // since 1970
	compared, differed time.Duration // how long the shadow had a number, and another one than what was decided
	more, fewer        time.Duration // replicas that it would have had more and fewer, times how long
}

// longestCompared is how long a decision is taken to hold at most: after a pause of the loop nobody knows what would have been.
const longestCompared = 2 * silence

// keepShadows begins to compare the shadows that a policy has now; those that have not changed go on. The lock is held.
func (s *service) keepShadows(policies []headroom.ScalingPolicy) {
	var kept []*shadow
	for _, policy := range policies {
		if !policy.Shadow {
			continue
		}
		same := slices.IndexFunc(s.shadows, func(old *shadow) bool { return reflect.DeepEqual(old.policy, policy) })
		if same >= 0 {
			kept = append(kept, s.shadows[same])
			continue
		}
		kept = append(kept, &shadow{policy: policy})
	}
	s.shadows = kept
}

// compareShadows takes a decision into the comparison: what was wished before it held until now. The lock is held.
func (s *service) compareShadows(decision headroom.Decision) {
	held := min(max(decision.At.Sub(s.comparedAt), 0), longestCompared)
	s.comparedAt = decision.At
	for _, shadow := range s.shadows {
		var wants *int
		for _, proposal := range decision.Proposals {
			if name, _ := scaling.PolicyOf(proposal); !proposal.Shadow || name != shadow.policy.Name {
				continue
			}
			if wish, known := s.compiled.Wish(decision, proposal); known {
				wants = &wish
			}
		}
		shadow.held(decision, held)
		shadow.want(wants, decision.At)
	}
}

// held counts how long what the shadow wants held beside the number that was in force.
func (w *shadow) held(decision headroom.Decision, length time.Duration) {
	if w.wants == nil {
		return
	}
	number := decision.At.Unix() / 60
	minute := &w.minutes[uint64(number)%uint64(len(w.minutes))]
	if minute.minute != number {
		*minute = minuteCompared{minute: number}
	}
	minute.compared += length
	difference := time.Duration(*w.wants - decision.From)
	switch {
	case difference > 0:
		minute.more += difference * length
	case difference < 0:
		minute.fewer -= difference * length
	default:
		return
	}
	minute.differed += length
}

func (w *shadow) want(wants *int, at time.Time) {
	if w.since.IsZero() || (wants == nil) != (w.wants == nil) || wants != nil && *wants != *w.wants {
		w.since = at
	}
	w.wants = wants
}

// comparison adds up the last hour.
func (w *shadow) comparison(service string, live int, now time.Time) headroom.ShadowComparison {
	c := headroom.ShadowComparison{Service: service, Policy: w.policy.Name, Live: live, Wants: w.wants, Since: w.since}
	oldest := now.Unix()/60 - int64(len(w.minutes))
	for _, minute := range w.minutes {
		if minute.minute <= oldest {
			continue
		}
		c.Compared += headroom.Duration(minute.compared)
		c.Differed += headroom.Duration(minute.differed)
		c.MoreReplicaHours += minute.more.Hours()
		c.FewerReplicaHours += minute.fewer.Hours()
	}
	return c
}

// comparisons compares each shadow of a service. The lock is held.
func (s *service) comparisons(now time.Time) []headroom.ShadowComparison {
	var all []headroom.ShadowComparison
	for _, shadow := range s.shadows {
		all = append(all, shadow.comparison(s.name, s.memory.Scaler.Wanted, now))
	}
	return all
}
