package headroom

import (
	"math"
	"time"
)

// Observation is all that a decision about one service is made from, at one instant. It is stored with the decision,
// so that the decision can be explained and replayed.
type Observation struct {
	Service  string            `json:"service"`
	At       time.Time         `json:"at"`
	Replicas ReplicaCounts     `json:"replicas"`
	Signals  map[Metric]Signal `json:"signals,omitempty"`
	Manual   *ManualScale      `json:"manual,omitempty"` // a person's wish that is still in force
	// Waiting is how many requests wait for a first replica, by what the balancer said in the last two seconds.
	Waiting int `json:"waiting,omitempty"`
}

// ReplicaCounts is what a platform says of the replicas of a service. A nil count could not be read: nothing is
// computed from it and nothing shrinks on it.
type ReplicaCounts struct {
	Ready    *int `json:"ready"`    // pass their health check and get traffic
	Starting *int `json:"starting"` // created, not ready yet
	// Warming are those of Ready that have been so for less than Scaling.WarmUp.
	Warming int `json:"warming,omitempty"`
	// Synced is false until the platform has been read completely once since this process started; nothing shrinks
	// before that (kubernetes/autoscaler#446).
	Synced bool `json:"synced"`
}

// Signal is one metric of one service at one instant, over a fast window (the last complete second) and over the
// stable window. Per-replica values are what targets compare; totals are what is divided by the target, so that
// replicas that have just been added do not count the same load twice.
type Signal struct {
	Metric Metric  `json:"metric"`
	Fast   Reading `json:"fast"`
	Stable Reading `json:"stable"`
	// Failures is how often in a row a signal of the user's own could not be read.
	Failures int `json:"failures,omitempty"`
}

// Reading is the value of a signal over a window.
type Reading struct {
	// PerReplica is the mean over the replicas that were measured; nil is unknown. For latency it is the quantile over
	// all requests.
	PerReplica *float64 `json:"perReplica"`
	// Total is the sum over all replicas; nil is unknown, and always nil for latency.
	Total *float64 `json:"total,omitempty"`
	// Age is the time since the newest sample in the window; 0 where there is none.
	Age Duration `json:"age"`
	// Measured of Replicas says how many replicas the value was read from, out of how many ready ones.
	Measured int `json:"measured"`
	Replicas int `json:"replicas"`
	// Unknown says why there is no value, in the user's words; empty where there is one.
	Unknown string `json:"unknown,omitempty"`
}

// ManualScale is a person's wish for a number of replicas, in force until a time.
type ManualScale struct {
	Replicas int       `json:"replicas"`
	Until    time.Time `json:"until"`
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
}

// RoundMeasured rounds a measured amount to five significant digits, and to nine after the point: no decision depends on what
// is beyond, no person reads it, and in a record it would be most of the bytes.
func RoundMeasured(value float64) float64 {
	const least, most = 10_000, 100_000 // what five digits begin with, and end before
	size := math.Abs(value)
	switch {
	case !(size < 1<<53) || size == 0:
		return value // whole already, or not a number
	case size >= most:
		unit := 10.0
		for size/unit >= most {
			unit *= 10
		}
		return math.Round(value/unit) * unit
	}
	scale := 1.0
	for size*scale < least && scale < 1e9 {
		scale *= 10
	}
	return math.Round(value*scale) / scale
}
