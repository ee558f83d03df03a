package scaling

import "headroom.dev/headroom"

// Replay makes a decision again from its record and reports whether it comes out the same. A record that does not was
// made by another version of this package, or was changed.
func Replay(d headroom.Decision) (headroom.Decision, bool) {
	again, _ := Decide(d.ID, d.Policy, d.Observation, d.State)
	return again, equal(d, again)
}

// equal compares what a decision says; its inputs are the same by construction.
func equal(a, b headroom.Decision) bool {
	if a.ID != b.ID || a.Service != b.Service || !a.At.Equal(b.At) || a.From != b.From || a.To != b.To ||
		a.Code != b.Code || a.Reason != b.Reason || a.Unlimited != b.Unlimited ||
		len(a.Proposals) != len(b.Proposals) || len(a.Limits) != len(b.Limits) {
		return false
	}
	for i := range a.Limits {
		if a.Limits[i] != b.Limits[i] {
			return false
		}
	}
	for i := range a.Proposals {
		p, q := a.Proposals[i], b.Proposals[i]
		if !same(p.Value, q.Value) || !same(p.Replicas, q.Replicas) {
			return false
		}
		p.Value, p.Replicas, q.Value, q.Replicas = nil, nil, nil, nil
		if p != q {
			return false
		}
	}
	return true
}

func same[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
