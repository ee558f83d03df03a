package control

import (
	"fmt"
	"time"

	"headroom.dev/headroom"
)

// sickAfter is how long a ready replica must fail the balancer's checks until it is replaced. Until then it only gets no
// requests: a pause for garbage or a slow disk should pass by itself. Kubernetes' liveness probe allows 30 s by default;
// here the balancer has seen several failures before the time begins.
const sickAfter = 15 * time.Second

// sickness is a ready replica that fails the balancer's checks.
type sickness struct {
	since   time.Time
	failure string
}

// examine takes what the balancer's checks say of the ready replicas. A balancer that is away says nothing, and nobody is
// sick then. The lock is held.
func (s *service) examine(now time.Time) {
	measured, _, _ := s.c.newestOf(s.name)
	before := s.sick
	s.sick = nil
	if s.inventory == nil {
		return
	}
	for i := range measured {
		seen := &measured[i]
		if seen.Health != headroom.HealthUnhealthy {
			continue
		}
		if replica, listed := s.replica(seen.ID); !listed || replica.State != headroom.ReplicaReady {
			continue
		}
		found, known := before[seen.ID]
		if !known {
			found.since = now
		}
		found.failure = seen.LastFailure
		if s.sick == nil {
			s.sick = map[string]sickness{}
		}
		s.sick[seen.ID] = found
	}
}

// incurable lists the replicas that have been sick for too long.
func (s *service) incurable(now time.Time) map[string]bool {
	if len(s.sick) == 0 {
		return nil
	}
	names := map[string]bool{}
	for name, sickness := range s.sick {
		if now.Sub(sickness.since) >= sickAfter {
			names[name] = true
		}
	}
	return names
}

func (s sickness) String() string {
	text := fmt.Sprintf("has failed the balancer's health checks since %s", s.since.Local().Format(time.TimeOnly))
	if s.failure != "" {
		text += " (" + s.failure + ")"
	}
	return text
}
