package backtest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"headroom.dev/headroom"
)

// Model is the service and its platform. All replicas are alike.
type Model struct {
	Capacity      float64           `json:"capacity"`      // requests per second that one replica answers at most; above 0
	ServiceTime   headroom.Duration `json:"serviceTime"`   // of one request that does not wait; above 0
	CPUAtCapacity float64           `json:"cpuAtCapacity"` // processor use of a replica at capacity, percent of run.cpu; 0 to 100
	Patience      headroom.Duration `json:"patience"`      // a request that waits longer fails; above 0

	Boot          headroom.Duration `json:"boot"`          // from the start of a replica to ready
	PlatformDelay headroom.Duration `json:"platformDelay"` // from the order to the start
	StartFailures float64           `json:"startFailures"` // share of starts that end in an exit instead of ready; 0 up to 1
	StartTimeout  headroom.Duration `json:"startTimeout"`  // a replica that is not ready by then is given up; 0 is never
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

// Learn completes a model from what a policy says: what is zero in it is derived. The notes say how, in sentences for the user.
func (m Model) Learn(policy headroom.Scaling, unit Unit) (Model, []string, error) {
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
func (m Model) workers() float64 {
	return math.Max(1, m.Capacity*m.ServiceTime.Seconds())
}

// lead is from the order of a replica to its first second of traffic, in whole seconds.
func (m Model) lead() int {
	return int(math.Ceil((m.Boot + m.PlatformDelay).Seconds()))
}
