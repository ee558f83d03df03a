package backtest

import (
	"math"
	"time"

	"headroom.dev/headroom"
)

// Result is how one autoscaler did.
type Result struct {
	Policy          string            `json:"policy"`
	ReplicaHours    float64           `json:"replicaHours"`    // paid for: from the order of a replica to its end
	Cost            *headroom.Money   `json:"cost,omitempty"`  // nil where scaling.replicaHour is not set
	Requests        float64           `json:"requests"`        // that arrived
	Failed          float64           `json:"failed"`          // nobody was there to answer, or they waited for too long
	Slow            float64           `json:"slow"`            // answered later than objective.latency
	OutsideRequests float64           `json:"outsideRequests"` // failed and slow
	OutsideMinutes  int               `json:"outsideMinutes"`  // in which more failed or were slow than the objective allows
	Shortage        float64           `json:"shortage"`        // requests/s above capacity, times seconds
	ShortageSeconds int               `json:"shortageSeconds"` // in which there was any
	WorstRecovery   headroom.Duration `json:"worstRecovery"`   // longest time in one go with seconds outside the objective
	ScaleEvents     int               `json:"scaleEvents"`     // changes of the wanted number
	Ups             int               `json:"ups"`
	Downs           int               `json:"downs"`
	Starts          int               `json:"starts"` // of replicas
	Stops           int               `json:"stops"`
	MeanReplicas    float64           `json:"meanReplicas"` // ready ones
	MostReplicas    int               `json:"mostReplicas"`
	LeastReplicas   int               `json:"leastReplicas"`
	P95             headroom.Duration `json:"p95"` // of all answered requests
	P99             headroom.Duration `json:"p99"`

	columns []column
}

// column is a stretch of time in the picture.
type column struct {
	load     float64 // most requests/s in a second
	capacity float64 // mean
	least    float64 // capacity, of the second in which it was least
	shortage float64 // largest shortage of a second
	seconds  int
}

// columnCount is the width of a picture in columns.
const columnCount = 900

// tally counts while the seconds go by.
type tally struct {
	r         Result
	world     World
	promise   promise
	all       latencies
	paid      float64 // replica-seconds
	ready     float64
	minute    struct{ requests, failed, slow float64 }
	outside   int // seconds outside the objective, up to now, in one go
	worst     int
	perColumn int
}

func newTally(w World, name string) *tally {
	n := len(w.Load.Arrivals)
	t := &tally{r: Result{Policy: name, LeastReplicas: math.MaxInt}, world: w, promise: promiseOf(w.Objective), perColumn: (n + columnCount - 1) / columnCount}
	t.r.columns = make([]column, (n+t.perColumn-1)/t.perColumn)
	return t
}

func (t *tally) second(i int, s *served, p *parts, f *fleet) {
	r := &t.r
	lost := math.Min(s.failed, s.arrivals) // in this second; what failed beyond had come before, and may have counted as slow
	slow := math.Max(0, s.arrivals*t.promise.slow(s)-lost)
	shortage := math.Max(0, s.arrivals-s.capacity)
	r.Requests += s.arrivals
	r.Failed += s.failed
	r.Slow = math.Max(0, r.Slow-(s.failed-lost)) + slow
	r.Shortage += shortage
	if shortage > 0 {
		r.ShortageSeconds++
	}
	t.paid += float64(f.held)
	t.ready += float64(f.ready)
	r.MostReplicas, r.LeastReplicas = max(r.MostReplicas, f.ready), min(r.LeastReplicas, f.ready)
	t.all.add(p)

	if t.broken(s.arrivals, s.failed, slow) {
		t.outside++
		t.worst = max(t.worst, t.outside)
	} else {
		t.outside = 0
	}
	t.minute.requests += s.arrivals
	t.minute.failed += s.failed
	t.minute.slow += slow
	if i%60 == 59 || i == len(t.world.Load.Arrivals)-1 {
		if t.broken(t.minute.requests, t.minute.failed, t.minute.slow) {
			r.OutsideMinutes++
		}
		t.minute.requests, t.minute.failed, t.minute.slow = 0, 0, 0
	}

	c := &r.columns[i/t.perColumn]
	if c.seconds == 0 || s.capacity < c.least {
		c.least = s.capacity
	}
	c.load, c.shortage = math.Max(c.load, s.arrivals), math.Max(c.shortage, shortage)
	c.capacity += (s.capacity - c.capacity) / float64(c.seconds+1)
	c.seconds++
}

// broken reports whether the objective was missed in a stretch of time. Rounding is no miss.
func (t *tally) broken(requests, failed, slow float64) bool {
	const sliver = 1e-9
	return failed > t.promise.failShare*requests+sliver || slow > t.promise.slowShare*math.Max(requests-failed, 0)+sliver
}

func (t *tally) changed(from, to int) {
	t.r.ScaleEvents++
	if to > from {
		t.r.Ups++
	} else {
		t.r.Downs++
	}
}

func (t *tally) result(f *fleet) Result {
	r := t.r
	seconds := float64(len(t.world.Load.Arrivals))
	r.ReplicaHours, r.MeanReplicas = t.paid/3600, t.ready/seconds
	r.OutsideRequests = r.Failed + r.Slow
	r.WorstRecovery = headroom.Duration(time.Duration(t.worst) * time.Second)
	r.Starts, r.Stops = f.started, f.stopped
	if price := t.world.Policy.ReplicaHour; !price.IsZero() {
		cost := price.Times(r.ReplicaHours)
		r.Cost = &cost
	}
	p95, _ := t.all.quantile(0.95)
	p99, _ := t.all.quantile(0.99)
	r.P95, r.P99 = headroom.Duration(p95), headroom.Duration(p99)
	return r
}
