package proxy

import "time"

// keepSessions says whether a backend that drains keeps its sessions, and for how long from when it was first told so. The server's lock is held.
func (b *backend) keepSessions(keep bool, now time.Time, span time.Duration) {
	switch {
	case !keep:
		b.sessionsEnd.Store(0)
		b.keeps = false
	case b.sessionsEnd.Load() == 0:
		b.sessionsEnd.Store(now.Add(span).UnixNano())
		b.keeps = true
	}
}

// acquireForSession takes a place on a backend that drains, for a session that it keeps.
func (b *backend) acquireForSession(now time.Time) bool {
	if b.sessionsEnd.Load() <= now.UnixNano() {
		return false
	}
	b.traffic.inFlight.Add(1)
	return true
}

// endSessions ends the sessions of backends that kept them for long enough, with their unused connections. The lock is held.
func (s *Server) endSessions(now time.Time) {
	for _, svc := range s.services {
		ended := false
		for _, m := range svc.members {
			if b := m.backend; b.keeps && b.sessionsEnd.Load() <= now.UnixNano() {
				b.keeps, ended = false, true
				b.connections.setOpen(b.active.Load())
			}
		}
		if ended {
			s.rebuild(svc)
		}
	}
}
