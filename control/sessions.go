package control

import "time"

// sessionLag is how much later than the loop the balancer may begin to count drainTimeout: endpoints reach it within one pass, and it measures
// once a second.
const sessionLag = 2 * time.Second

// sessionsEnd is when a replica that drains since then has no sessions any more: with session affinity the balancer lets clients stay on it for
// drainTimeout, so that nothing in flight before that does not mean that nothing comes.
func (s *service) sessionsEnd(since time.Time) time.Time {
	if !s.settings.LoadBalancing.SessionAffinity.Enabled || s.retired {
		return since
	}
	return since.Add(time.Duration(s.settings.LoadBalancing.DrainTimeout) + sessionLag)
}

// drainTimeout is how long a replica may drain: until its sessions end, and its last requests after that.
func (s *service) drainTimeout() time.Duration {
	var begin time.Time
	return s.sessionsEnd(begin).Sub(begin) + time.Duration(s.settings.LoadBalancing.DrainTimeout)
}
