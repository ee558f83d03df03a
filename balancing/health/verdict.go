package health

import (
	"time"

	"headroom.dev/headroom"
)

// verdict is what the checks of one target have shown so far: a pure state machine.
type verdict struct {
	health headroom.Health
	proven bool // has been healthy before
	streak int  // results in a row that contradict health
}

// after is the verdict after one more check.
//
// A target that has never been healthy is healthy at its first success: a replica that has just started should take
// traffic at once, and one success is all it can show. It is unhealthy at its first failure, since nothing speaks for it.
// Later it takes UnhealthyThreshold failures in a row to fall, and HealthyThreshold successes in a row to rise.
func (v verdict) after(ok bool, check headroom.HealthCheck) verdict {
	if !v.proven {
		if ok {
			return verdict{health: headroom.HealthHealthy, proven: true}
		}
		return verdict{health: headroom.HealthUnhealthy}
	}
	if ok == (v.health == headroom.HealthHealthy) {
		v.streak = 0
		return v
	}
	v.streak++
	if ok && v.streak >= check.HealthyThreshold {
		return verdict{health: headroom.HealthHealthy, proven: true}
	}
	if !ok && v.streak >= check.UnhealthyThreshold {
		return verdict{health: headroom.HealthUnhealthy, proven: true}
	}
	return v
}

// Times between checks.
const (
	// firstPause is between the checks of a target that is just starting: what it adds to the start of a replica.
	firstPause = 100 * time.Millisecond
	// shortestPause keeps an interval of, say, 1 ns from using up a core.
	shortestPause = 10 * time.Millisecond
	// doubtPause is between checks while results contradict the verdict, as HAProxy's fastinter: with an interval of
	// 30 s and a threshold of three, a dead backend is found out within 32 s and not 90 s.
	doubtPause = time.Second
)

// pause is the time from the end of one check to the next. age is how long the target has been checked; draw is a random
// number in [0, 1). Pauses are never longer than the interval, but for its jitter.
//
// While a target starts, the pause is a tenth of its age but 100 ms at least: a replica that takes 10 s to start waits no
// more than 1 s to be found, and one that never becomes healthy costs less and less.
func (v verdict) pause(check headroom.HealthCheck, age time.Duration, draw float64) time.Duration {
	interval := max(time.Duration(check.Interval), shortestPause)
	if !v.proven {
		return min(max(age/10, firstPause), interval)
	}
	if v.streak > 0 {
		return min(doubtPause, interval)
	}
	jitter := float64(check.Jitter) / 100 // either way, so that checks of many targets do not come in step
	return time.Duration(float64(interval) * (1 - jitter + 2*jitter*draw))
}
