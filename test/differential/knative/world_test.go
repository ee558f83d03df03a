package knative

import (
	"errors"
	"math/rand/v2"
	"time"

	"headroom.dev/headroom/scaling/kpa"
)

// world draws the random steps of one sequence.
type world struct {
	*rand.Rand
	load float64 // what the pattern is around
	left int     // steps until the pattern changes
	kind int
	pods int // ready
}

// Counts beyond 32 bits are one of the explained differences, so no world gets there: 1e6 requests at a target of 0.01 are 1e8 pods.
const (
	mostLoad = 1e6
	mostPods = 20_000
)

var errLister = errors.New("the lister is not synced")

func newWorld(seed, sequence uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, sequence))}
	w.pods = w.oneOf(0, 0, 1, 1, 2, 3, 10, 200)
	return w
}

func (w *world) oneOf(values ...int) int { return values[w.IntN(len(values))] }

func (w *world) chance(percent float64) bool { return w.Float64()*100 < percent }

// policy draws what Knative's configuration and annotations allow.
func (w *world) policy(delay time.Duration) kpa.Policy {
	p := kpa.Default()
	total := []float64{0.01, 0.5, 1, 2, 10, 33.3, 100, 1000}[w.IntN(8)]
	p.Target, p.Total = kpa.Target(total, []float64{0.7, 1, 0.01, w.Float64()}[w.IntN(4)]), total
	p.StableWindow = time.Duration(w.oneOf(6, 7, 10, 30, 60, 60, 61, 120, 300)) * time.Second
	p.PanicWindow = kpa.PanicWindow(p.StableWindow, []float64{10, 10, 1, 50, 100, 1 + 99*w.Float64()}[w.IntN(6)])
	p.PanicThreshold = []float64{2, 2, 1.1, 1.5, 10}[w.IntN(5)]
	p.Weighted = w.chance(25)
	p.MaxScaleUpRate = []float64{1000, 1000, 1.1, 1.5, 2, 10}[w.IntN(6)]
	p.MaxScaleDownRate = []float64{2, 2, 1.1, 1.5, 10, 1000}[w.IntN(6)]
	p.ScaleDownDelay = delay
	p.ActivationScale = w.oneOf(0, 0, 0, 1, 2, 5, 30)
	p.TargetBurstCapacity = []float64{211, 211, 0, -1, 1, 70.5, 1e5}[w.IntN(7)]
	p.SilenceIsZero = p.TargetBurstCapacity == -1
	p.Unreachable = w.chance(10)
	return p
}

// delay draws a scale-down delay, which Knative fixes when an autoscaler starts.
func (w *world) delay() time.Duration {
	return time.Duration(w.oneOf(0, 0, 1, 2, 3, 10, 60, 61, 301)) * time.Second
}

// pause draws how much time goes by: mostly a second and a little, sometimes none, sometimes more than a window.
func (w *world) pause(p kpa.Policy) time.Duration {
	switch {
	case w.chance(80):
		return time.Second
	case w.chance(40):
		return time.Duration(w.Int64N(int64(3 * time.Second)))
	case w.chance(30):
		return 0
	case w.chance(90):
		return time.Duration(w.Int64N(int64(p.PanicWindow) + int64(2*time.Second)))
	default:
		edge := p.StableWindow + time.Duration(w.oneOf(-1, 0, 0, 1, 2))*time.Second
		return max(edge, 0) + time.Duration(w.oneOf(0, 1, 999))*time.Millisecond
	}
}

// next is draw, within bounds.
func (w *world) next(p kpa.Policy) (load float64, measured bool) {
	load, measured = w.draw(p)
	return min(load, mostLoad), measured
}

// draw draws the load of a second: none, steady, noise, spikes, a ramp; often exactly on the boundary of a pod. False is not measured, at
// times for longer than a window.
func (w *world) draw(p kpa.Policy) (load float64, measured bool) {
	if w.left--; w.left < 0 {
		w.left, w.kind = 5+w.IntN(80), w.IntN(7)
		w.load = p.Target * float64(w.oneOf(0, 1, 2, 5, 40, 1000)) * w.Float64() * 2
	}
	switch w.kind {
	case 0:
		w.load = 0
	case 1:
		return w.load * w.ExpFloat64(), true
	case 2:
		return p.Target * float64(w.IntN(12)), true
	case 3:
		if w.chance(10) {
			return w.load * 20, true
		}
	case 4:
		w.load = max(w.load+p.Target*(w.Float64()-0.3), 0)
	case 5:
		return 0, false
	}
	return w.load, !w.chance(4)
}

// ready draws the pods: they follow what is desired, slowly, or stay, or die, or cannot be counted.
func (w *world) ready(desired int) (int, error) {
	switch {
	case w.chance(2):
		return 0, errLister
	case w.chance(2):
		w.pods = 0
	case w.chance(60):
	case w.chance(50) && desired >= 0:
		w.pods = desired
	case w.pods < desired:
		w.pods++
	case w.pods > 0 && desired >= 0:
		w.pods--
	}
	w.pods = min(w.pods, mostPods)
	return w.pods, nil
}
