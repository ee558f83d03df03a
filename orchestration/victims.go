package orchestration

import (
	"cmp"
	"math"
	"slices"

	"headroom.dev/headroom"
)

// victims orders replicas by who goes first: not ready before ready, sick before healthy, older revisions before the
// present one, then the youngest (Kubernetes' order for Deployments: the longer one has run, the less it is a risk), then the one with the
// fewest requests in flight.
func victims(replicas []headroom.Replica, w World) {
	slices.SortStableFunc(replicas, func(a, b headroom.Replica) int {
		return cmp.Or(
			cmp.Compare(truth(a.State == headroom.ReplicaReady), truth(b.State == headroom.ReplicaReady)),
			cmp.Compare(truth(!w.Sick[a.Name]), truth(!w.Sick[b.Name])),
			cmp.Compare(truth(current(a, w)), truth(current(b, w))),
			b.CreatedAt.Compare(a.CreatedAt),
			cmp.Compare(inFlight(a, w), inFlight(b, w)),
			cmp.Compare(number(b, w), number(a, w)),
			cmp.Compare(b.Name, a.Name),
		)
	})
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func current(replica headroom.Replica, w World) bool {
	return w.Revision == "" || replica.Revision == w.Revision
}

// inFlight is how many requests a replica serves; unknown counts as the most.
func inFlight(replica headroom.Replica, w World) int64 {
	if n := w.Traffic[replica.Name].InFlight; n != nil {
		return *n
	}
	return math.MaxInt64
}

func number(replica headroom.Replica, w World) int {
	n, _ := Ordinal(w.Service, replica.Name)
	return n
}
