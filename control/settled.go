package control

import (
	"slices"

	"headroom.dev/headroom"
	"headroom.dev/headroom/orchestration"
)

// settled reports whether a plan would certainly do nothing and change nothing that is remembered: all replicas that are
// wanted are there, ready, well and of the present configuration, and nothing is under way. It is what most services are
// most of the time, and costs a tenth of a plan. The lock is held.
func (s *service) settled() bool {
	if s.retired || !s.synced || s.inventory == nil || !s.inventory.Complete {
		return false
	}
	replicas := s.inventory.Replicas
	if len(replicas) != s.memory.Scaler.Wanted || len(replicas) == 0 || (s.inventory.Count != nil && *s.inventory.Count != len(replicas)) {
		return false
	}
	if len(s.open) > 0 || len(s.memory.Draining) > 0 || len(s.drainVersions) > 0 || len(s.sick) > 0 ||
		s.pending != nil || s.memory.Pending || s.waiting != "" || s.memory.Backoff != (orchestration.Backoff{}) {
		return false
	}
	for i := range replicas {
		if replicas[i].State != headroom.ReplicaReady || replicas[i].Revision != s.workload.Revision {
			return false
		}
		if n, ours := orchestration.Ordinal(s.name, replicas[i].Name); ours && n >= s.memory.NextOrdinal {
			return false // adopted: its name must not be given again, also where it is gone one day
		}
	}
	return s.memory.NextOrdinal > 0 && s.memory.History.Count == s.history.Count && slices.Equal(s.memory.History.Live, s.history.Live)
}
