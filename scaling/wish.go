package scaling

import "headroom.dev/headroom"

// Wish is what a proposal of a decision would come to by itself: with the policy's headroom, and within the bounds that held at that time. It is not
// known where the proposal abstained.
func (c *Compiled) Wish(d headroom.Decision, p headroom.Proposal) (replicas int, known bool) {
	if p.Replicas == nil {
		return 0, false
	}
	wish := withSpare(*p.Replicas, c.policy.Headroom)
	if *p.Replicas == base(d.From, c.policy.Headroom) {
		wish = d.From // no change, whatever the rounding of a percentage
	}
	s := newSituation(&c.policy, d.Observation, d.State)
	c.bind(&s)
	return min(max(wish, s.min), s.max), true
}
