package balance

import "time"

// Scenario is what the algorithms are tried in.
type Scenario struct {
	Name      string
	Why       string // what it stands for
	Backends  []Backend
	Balancers int
	// Utilization is the load as a share of what all backends that work can do in the mean.
	Utilization float64
}

// mean is what an ordinary backend needs for a request; with four slots it can do 400 in a second.
const (
	mean  = 10 * time.Millisecond
	slots = 4
)

// Scenarios are those of docs/algorithms.md. Ten backends and one balancer unless the name says otherwise.
func Scenarios() []Scenario {
	return []Scenario{
		{"equal", "ten alike", alike(10), 1, 0.7},
		{"unequal", "five need 10 ms, five 30 ms", unequal(10), 1, 0.7},
		{"one slow", "one of ten needs ten times as long", with(alike(10), func(b *Backend) { b.Mean *= 10 }), 1, 0.7},
		{"one failing fast", "one of ten answers everything with an error, in half a millisecond", with(alike(10), func(b *Backend) { b.FailsFast = true }), 1, 0.7},
		{"one cold", "one of ten joins after 20 s and is ten times slower at first, for 15 s",
			with(alike(10), func(b *Backend) { b.Joins, b.ColdFor = 20*time.Second, 15*time.Second }), 1, 0.7},
		{"one stalling", "one of ten stands still for 2 s, every 10 s",
			with(alike(10), func(b *Backend) { b.StallFor, b.StallEvery = 2*time.Second, 10*time.Second }), 1, 0.7},
		{"Pareto", "ten alike whose times are Pareto distributed, shape 1.5, up to 1 s", pareto(alike(10)), 1, 0.7},
		{"3 backends", "two need 10 ms, one 30 ms", append(alike(2), Backend{Slots: slots, Mean: 3 * mean}), 1, 0.7},
		{"100 backends", "half of them need 10 ms, half 30 ms", unequal(100), 1, 0.7},
		{"8 balancers", "five need 10 ms, five 30 ms; each balancer sees an eighth of the requests", unequal(10), 8, 0.7},
	}
}

func alike(n int) []Backend {
	list := make([]Backend, n)
	for i := range list {
		list[i] = Backend{Slots: slots, Mean: mean}
	}
	return list
}

// unequal makes every second backend need three times as long.
func unequal(n int) []Backend {
	list := alike(n)
	for i := 0; i < n; i += 2 {
		list[i].Mean *= 3
	}
	return list
}

func pareto(list []Backend) []Backend {
	for i := range list {
		list[i].Pareto = true
	}
	return list
}

// with changes the first of the backends.
func with(list []Backend, change func(*Backend)) []Backend {
	change(&list[0])
	return list
}

// rate is the arrivals per second that load the scenario as it says.
func (s Scenario) rate() float64 {
	capacity := 0.0
	for _, b := range s.Backends {
		if !b.FailsFast {
			capacity += float64(b.slots()) / b.Mean.Seconds() * b.working()
		}
	}
	return capacity * s.Utilization
}

// working is the share of time in which the backend does not stand still.
func (b Backend) working() float64 {
	if b.StallEvery == 0 {
		return 1
	}
	return 1 - float64(b.StallFor)/float64(b.StallEvery)
}
