package backtest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// Model is the service and its platform. All replicas are alike.
type Model struct {
	Capacity      float64           `json:"capacity"`               // requests per second that one replica answers at most; above 0
	ServiceTime   headroom.Duration `json:"serviceTime"`            // mean of requests that do not wait; above 0
	ServiceTimes  []Share           `json:"serviceTimes,omitempty"` // how they are spread around it, at most 8; none is that all take as long
	Variability   float64           `json:"variability,omitempty"`  // waits are so many times those of exponential service times; 0 is 1, or that of serviceTimes
	Curve         []CurvePoint      `json:"curve,omitempty"`        // how much a replica answers that has more in flight than it serves at once; none is capacity
	Evenly        bool              `json:"evenly,omitempty"`       // each replica gets as many requests, and not that which has fewest in flight
	CPUAtCapacity float64           `json:"cpuAtCapacity"`          // processor use of a replica at capacity, percent of run.cpu; 0 to 100
	Patience      headroom.Duration `json:"patience"`               // a request that waits longer fails; above 0

	Boot           headroom.Duration   `json:"boot"`                     // from the start of a replica to ready
	PlatformDelay  headroom.Duration   `json:"platformDelay"`            // from the order to the start
	Boots          []headroom.Duration `json:"boots,omitempty"`          // each start takes one of these, each as likely; none is boot
	PlatformDelays []headroom.Duration `json:"platformDelays,omitempty"` // the same of platformDelay
	StartFailures  float64             `json:"startFailures"`            // share of starts that end in an exit instead of ready; 0 up to 1
	StartTimeout   headroom.Duration   `json:"startTimeout"`             // a replica that is not ready by then is given up; 0 is never
}

// Share is a share of the requests, and how long they take.
type Share struct {
	Share float64           `json:"share"` // of all, above 0; those of a list are 1 together
	Time  headroom.Duration `json:"time"`
}

// mostTimes bounds a list of shares, of which each second of a backtest has all.
const mostTimes = 8

// CurvePoint is what a replica answers with so many requests in flight.
type CurvePoint struct {
	InFlight float64 `json:"inFlight"`
	Rate     float64 `json:"rate"` // requests per second, above 0
}

// The service where nothing is known of it.
const (
	defaultServiceTime = 50 * time.Millisecond // a web request with a query or two
	defaultPatience    = 30 * time.Second      // of most clients and gateways
	defaultBoot        = 5 * time.Second       // a process that loads its configuration and connects
	// targetShare is how much of its capacity a replica at its target is taken to use: what Knative aims at, and close to the 60 to 80 %
	// that people set.
	targetShare = 0.7
)

// Complete completes a model from what a policy says: what is zero in it is derived. The notes say how, in sentences for the user.
func (m Model) Complete(policy headroom.Scaling, unit Unit) (Model, []string, error) {
	var notes []string
	if m.ServiceTime == 0 {
		m.ServiceTime = headroom.Duration(defaultServiceTime)
	}
	if m.Patience == 0 {
		m.Patience = headroom.Duration(defaultPatience)
	}
	if m.Boot == 0 {
		m.Boot = headroom.Duration(defaultBoot)
	}
	if m.CPUAtCapacity == 0 {
		m.CPUAtCapacity = 100
	}
	switch {
	case m.Capacity != 0:
	case unit == CPU:
		m.Capacity = 100
		notes = append(notes, "A replica's capacity is 100, since the load is in percent of one replica's processor.")
	case policy.TargetRequestsPerSecond > 0:
		m.Capacity = policy.TargetRequestsPerSecond / targetShare
		notes = append(notes, fmt.Sprintf("A replica's capacity is taken to be %.4g requests/s: targetRequestsPerSecond %.4g / %v. --capacity says what it is.",
			m.Capacity, policy.TargetRequestsPerSecond, targetShare))
	case policy.TargetInFlight > 0:
		m.Capacity = policy.TargetInFlight / m.ServiceTime.Seconds() / targetShare
		notes = append(notes, fmt.Sprintf("A replica's capacity is taken to be %.4g requests/s: targetInFlight %.4g / %s / %v. --capacity says what it is.",
			m.Capacity, policy.TargetInFlight, m.ServiceTime, targetShare))
	default:
		return m, nil, errors.New("the capacity of a replica is not known: the policy has neither targetRequestsPerSecond nor targetInFlight to derive it from; give --capacity, in requests per second")
	}
	return m, notes, m.Validate()
}

// Validate names the first field that cannot be.
func (m Model) Validate() error {
	switch {
	case !(m.Capacity > 0 && m.Capacity <= mostRate):
		return fmt.Errorf("capacity is %v: expected requests per second of one replica, above 0", m.Capacity)
	case m.ServiceTime <= 0 || m.ServiceTime > headroom.Duration(time.Hour):
		return fmt.Errorf("service time is %s: expected more than 0 and at most 1h", m.ServiceTime)
	case !(m.CPUAtCapacity > 0 && m.CPUAtCapacity <= 100):
		return fmt.Errorf("cpu at capacity is %v: expected percent, above 0 and at most 100", m.CPUAtCapacity)
	case m.Patience <= 0 || m.Patience > headroom.Duration(time.Hour):
		return fmt.Errorf("patience is %s: expected more than 0 and at most 1h", m.Patience)
	case m.Boot < 0 || m.Boot > headroom.Duration(24*time.Hour):
		return fmt.Errorf("boot is %s: expected 0s to 24h", m.Boot)
	case m.PlatformDelay < 0 || m.PlatformDelay > headroom.Duration(24*time.Hour):
		return fmt.Errorf("platform delay is %s: expected 0s to 24h", m.PlatformDelay)
	case !(m.StartFailures >= 0 && m.StartFailures < 1):
		return fmt.Errorf("start failures is %v: expected a share from 0 up to 1", m.StartFailures)
	case m.StartTimeout != 0 && m.StartTimeout <= m.Boot+m.PlatformDelay:
		return fmt.Errorf("boot and platform delay are %s, which startTimeout %s does not allow", m.Boot+m.PlatformDelay, m.StartTimeout)
	}
	return nil
}

// workers is how many requests a replica serves at once: what it holds at capacity by Little's law, at least one.
func (m *Model) workers() float64 {
	return math.Max(1, m.Capacity*m.ServiceTime.Seconds())
}

// rate is how many requests a replica answers each second that has so many in flight, all its workers busy.
func (m *Model) rate(inFlight float64) float64 {
	from := CurvePoint{m.workers(), m.Capacity}
	for _, to := range m.Curve {
		if inFlight < to.InFlight {
			share := (inFlight - from.InFlight) / (to.InFlight - from.InFlight)
			return from.Rate + (to.Rate-from.Rate)*math.Max(share, 0)
		}
		from = to
	}
	return from.Rate
}

// variability is how waits compare with those of exponential service times.
func (m *Model) variability() float64 {
	switch {
	case m.Variability > 0:
		return m.Variability
	case len(m.ServiceTimes) == 0:
		return 1
	}
	return (1 + squaredVariation(m.ServiceTimes)) / 2
}

// squaredVariation is the variance of times in squares of their mean.
func squaredVariation(times []Share) float64 {
	mean, square := 0.0, 0.0
	for _, one := range times {
		mean += one.Share * one.Time.Seconds()
		square += one.Share * one.Time.Seconds() * one.Time.Seconds()
	}
	if mean <= 0 {
		return 0
	}
	return math.Max(square/(mean*mean)-1, 0)
}

// lead is from the order of a replica to its first second of traffic, in whole seconds; the longest that may be.
func (m Model) lead() int {
	lead := m.Boot + m.PlatformDelay
	if len(m.Boots) > 0 {
		lead += slices.Max(m.Boots) - m.Boot
	}
	if len(m.PlatformDelays) > 0 {
		lead += slices.Max(m.PlatformDelays) - m.PlatformDelay
	}
	return int(math.Ceil(lead.Seconds()))
}
