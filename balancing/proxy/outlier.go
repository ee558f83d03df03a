package proxy

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/balancing/guard"
)

// conduct is how a backend has served, as outlier detection compares it. It is counted only where that is enabled.
type conduct struct {
	requests, failures, samples atomic.Uint64
	firstByte                   atomic.Int64 // sum, nanoseconds
	consecutive                 atomic.Int64 // errors in a row

	ejected atomic.Bool
	host    guard.Host // under the server's lock
}

// judge counts an attempt that has ended, where outliers of its service are ejected. A 500 is an error here, unlike for the breaker: only a few
// backends are ever ejected, so that one page with a bug cannot take out all of them.
func (x *exchange) judge(b *backend, how outcome) {
	if !x.view.settings.Outliers.Enabled {
		return
	}
	c := &b.conduct
	c.requests.Add(1)
	if x.headAt.After(x.attemptAt) {
		c.samples.Add(1)
		c.firstByte.Add(int64(x.headAt.Sub(x.attemptAt)))
	}
	status := 0
	if how == serverError {
		status = x.res.Status()
	}
	if how != connectError && how != timedOut && how != reset && (how != serverError || status == 501 || status == 505) {
		if c.consecutive.Load() != 0 {
			c.consecutive.Store(0)
		}
		return
	}
	c.failures.Add(1)
	c.consecutive.Add(1)
}

// counted is what was counted of a backend until now.
func (c *conduct) counted() *guard.Host {
	c.host.Requests, c.host.Failures = c.requests.Load(), c.failures.Load()
	c.host.Samples, c.host.FirstByte = c.samples.Load(), time.Duration(c.firstByte.Load())
	c.host.Consecutive = c.consecutive.Load()
	return &c.host
}

// ejectOutliers compares the backends of a service, ejects those that are worse and returns those whose time is over. The server's lock is held.
func (s *Server) ejectOutliers(svc *service, now time.Time) {
	settings := svc.view.Load().settings.Outliers
	d := &svc.guards.outliers
	if !settings.Enabled {
		if d.Settings.Enabled {
			d.Settings = settings
			s.readmitAll(svc)
		}
		return
	}
	d.Settings, d.Draw = settings, rand.Float64
	var members []*backend
	var hosts []*guard.Host
	for _, m := range svc.members {
		if m.active && m.weight > 0 && m.backend.healthy.Load() {
			members, hosts = append(members, m.backend), append(hosts, m.backend.conduct.counted())
		}
	}
	if !d.Look(now, hosts) {
		return
	}
	for _, b := range members {
		c := &b.conduct
		if c.host.Ejected == c.ejected.Load() {
			continue
		}
		c.ejected.Store(c.host.Ejected)
		c.consecutive.Store(0)
		if c.host.Ejected {
			s.options.Logger.Warn("backend ejected", "service", svc.name, "backend", b.id, "reason", string(c.host.Reason), "detail", c.host.Detail,
				"until", c.host.Until())
			continue
		}
		b.warmsSince = now
		s.options.Logger.Info("backend returned from its ejection", "service", svc.name, "backend", b.id)
	}
	s.rebuild(svc)
}

// readmitAll ends all ejections of a service.
func (s *Server) readmitAll(svc *service) {
	for _, m := range svc.members {
		m.backend.conduct.host = guard.Host{}
		m.backend.conduct.ejected.Store(false)
	}
	s.rebuild(svc)
}
