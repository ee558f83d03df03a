package backtest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// Model is the service and its platform. All replicas are alike. It can be read from a file, where what is not given has these defaults.
type Model struct {
	Capacity      float64           `json:"capacity"`                    // requests per second that one replica answers at most; above 0
	ServiceTime   headroom.Duration `json:"serviceTime" default:"50ms"`  // mean of requests that do not wait; above 0
	ServiceTimes  []Share           `json:"serviceTimes,omitempty"`      // how they are spread around it, at most 8; none is that nothing is known, and serviceTime for all
	Variability   float64           `json:"variability,omitempty"`       // waits are so many times those of exponential service times; 0 is that of serviceTimes, or 1
	Curve         []CurvePoint      `json:"curve,omitempty"`             // what a replica answers that has more in flight than it serves at once; none is capacity
	Evenly        bool              `json:"evenly,omitempty"`            // each replica gets as many requests, whatever it has in flight
	CPUAtCapacity float64           `json:"cpuAtCapacity" default:"100"` // processor use of a replica at capacity, percent of run.cpu; 0 to 100
	Patience      headroom.Duration `json:"patience" default:"30s"`      // a request that waits longer fails; above 0

	Boot           headroom.Duration   `json:"boot" default:"5s"`          // from the start of a replica to ready, mean
	PlatformDelay  headroom.Duration   `json:"platformDelay" default:"0s"` // from the order to the start, mean
	Boots          []headroom.Duration `json:"boots,omitempty"`            // each start takes one of these, each as likely; none is boot
	PlatformDelays []headroom.Duration `json:"platformDelays,omitempty"`   // the same of platformDelay
	StartFailures  float64             `json:"startFailures" default:"0"`  // share of starts that end in an exit instead of ready; 0 up to 1
	StartTimeout   headroom.Duration   `json:"startTimeout" default:"0s"`  // a replica that is not ready by then is given up; 0 is never
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

// Default is the service where nothing is known of it but its capacity, which is missing.
func Default() Model {
	return Model{
		ServiceTime:   headroom.Duration(50 * time.Millisecond), // a web request with a query or two
		Patience:      headroom.Duration(30 * time.Second),      // of most clients and gateways
		Boot:          headroom.Duration(5 * time.Second),       // a process that loads its configuration and connects
		CPUAtCapacity: 100,
	}
}

// targetShare is how much of its capacity a replica at its target is taken to use: what Knative aims at, and close to the 60 to 80 %
// that people set.
const targetShare = 0.7

// Complete derives from a policy the capacity of a model that has none, which is no less than a replica has been seen to answer (0 where nothing was). The notes
// say how, in sentences for the user.
func (m Model) Complete(policy headroom.Scaling, unit Unit, atLeast float64) (Model, []string, error) {
	var notes []string
	switch {
	case m.Capacity != 0:
		return m, nil, m.Validate()
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
	if m.Capacity < atLeast {
		notes = append(notes, fmt.Sprintf("It has answered %.4g requests/s, so that is taken.", atLeast))
		m.Capacity = atLeast
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
	case !(m.Variability >= 0 && m.Variability <= 100):
		return fmt.Errorf("variability is %v: expected 0 to 100", m.Variability)
	case m.StartTimeout != 0 && m.StartTimeout <= m.Boot+m.PlatformDelay:
		return fmt.Errorf("boot and platform delay are %s, which startTimeout %s does not allow", m.Boot+m.PlatformDelay, m.StartTimeout)
	}
	return m.validateLists()
}

func (m Model) validateLists() error {
	if len(m.ServiceTimes) > mostTimes {
		return fmt.Errorf("serviceTimes has %d entries: expected at most %d", len(m.ServiceTimes), mostTimes)
	}
	shares := 0.0
	for i, one := range m.ServiceTimes {
		if !(one.Share > 0) || one.Time <= 0 || one.Time > headroom.Duration(time.Hour) {
			return fmt.Errorf("serviceTimes %d is a share of %v that takes %s: expected one above 0, and more than 0s and at most 1h", i, one.Share, one.Time)
		}
		shares += one.Share
	}
	if len(m.ServiceTimes) > 0 && !(math.Abs(shares-1) < 0.01) {
		return fmt.Errorf("the shares of serviceTimes are %v together: expected 1", shares)
	}
	last := 0.0
	for i, point := range m.Curve {
		if !(point.InFlight > last && point.InFlight <= mostRate && point.Rate > 0 && point.Rate <= mostRate) {
			return fmt.Errorf("curve %d is %v requests/s with %v in flight: expected rates above 0, and more in flight than the %v before", i, point.Rate, point.InFlight, last)
		}
		last = point.InFlight
	}
	for name, times := range map[string][]headroom.Duration{"boots": m.Boots, "platformDelays": m.PlatformDelays} {
		for i, one := range times {
			if one < 0 || one > headroom.Duration(24*time.Hour) {
				return fmt.Errorf("%s %d is %s: expected 0s to 24h", name, i, one)
			}
		}
	}
	return nil
}

// Evenly reports whether an algorithm gives each replica about as many requests, whatever it has in flight: in turn, or by a hash.
func Evenly(algorithm headroom.Algorithm) bool {
	switch algorithm {
	case headroom.RoundRobin, headroom.IPHash, headroom.HeaderHash, headroom.CookieHash, headroom.QueryHash:
		return true
	}
	return false
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
