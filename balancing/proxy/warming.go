package proxy

import (
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/guard"
)

// warm gives the backends of a service that have joined or returned their part of the share that they will have, where slow start is configured.
// Where none is warm yet, all are alike and get it whole: to hold some back would only move the load to others that are as cold. The server's lock
// is held.
func (s *Server) warm(svc *service, now time.Time) {
	settings := svc.view.Load().settings.SlowStart
	if settings.Window <= 0 && !svc.guards.warming {
		return
	}
	anyWarm, warming := false, false
	for _, m := range svc.members {
		b := m.backend
		b.noticeRecovery(now)
		if !b.warmsSince.IsZero() && now.Sub(b.warmsSince) >= time.Duration(settings.Window) {
			b.warmsSince = time.Time{}
			b.load.SetWarmth(guard.FullWarmth)
		}
		anyWarm = anyWarm || b.warmsSince.IsZero() && m.active && m.weight > 0 && b.healthy.Load() && !b.conduct.ejected.Load()
	}
	for _, m := range svc.members {
		b := m.backend
		if b.warmsSince.IsZero() {
			continue
		}
		warming = true
		warmth := guard.FullWarmth
		if anyWarm {
			warmth = guard.Warmth(settings, now.Sub(b.warmsSince))
		}
		b.load.SetWarmth(warmth)
	}
	svc.guards.warming = warming
}

// noticeRecovery begins slow start where the breaker has closed again.
func (b *backend) noticeRecovery(now time.Time) {
	open := b.breakerState(now) != headroom.BreakerClosed
	if b.wasOpen && !open {
		b.warmsSince = now
	}
	b.wasOpen = open
}
