package backtest

import (
	"math"
	"time"
)

// depth is the seconds of replicas in which a request took about as many service times.
type depth struct {
	seconds            int
	answered, inFlight float64 // together
	squares            float64 // of answered
}

func (d *depth) mean() float64 { return d.answered / float64(d.seconds) }

// doubt is two standard errors of the mean, at least those of a count of independent ones: the spread of three seconds alone says little.
func (d *depth) doubt() float64 {
	variance := math.Max(d.squares/float64(d.seconds)-d.mean()*d.mean(), d.mean())
	return 2 * math.Sqrt(variance/float64(d.seconds))
}

// mostDepths is so many times that the line doubles: the last one begins at 3 × 2¹⁵ service times, which is more than anyone waits for.
const mostDepths = 16

// capacity is what replicas answer while a line stands at them, or, where that is seldom seen or explains less of how requests waited, what does explain it: on a
// machine that is busy with something else requests take long at replicas that are far from their capacity, too.
func (l *Learned) capacity(h History) {
	for _, s := range h.Stretches {
		if s.Ready > 0 && s.Length > 0 {
			l.AtLeast = math.Max(l.AtLeast, s.Answered/s.Length.Seconds()/s.Ready)
		}
	}
	fitted := l.fitted(h.Seconds)
	depths := l.depths(h.Replicas)
	best := -1
	for i := range depths {
		if depths[i].seconds >= leastDepth && (best < 0 || depths[i].mean() > depths[best].mean()) {
			best = i
		}
	}
	if best < 0 {
		l.takeFit(fitted)
		return
	}
	// What differs by less than 5 %, or by chance, is the same plateau: the most of it alone would be the luckiest.
	all, top := depth{}, depths[best]
	below := func(d *depth) bool { return d.mean() < 0.95*top.mean()-top.doubt()-d.doubt() }
	for i := range depths {
		if d := &depths[i]; d.seconds >= leastDepth && !below(d) {
			all.seconds, all.answered, all.squares = all.seconds+d.seconds, all.answered+d.answered, all.squares+d.squares
		}
	}
	const asGood = 1.2
	if fitted.known && l.errorWith(all.mean(), fitted.runs) > asGood*fitted.err {
		l.takeFit(fitted)
		return
	}
	l.Model.Capacity = all.mean()
	l.note("A replica answers %.4g requests/s at most, ± %.2g: %d whole seconds of replicas at which a line stood.", all.mean(), all.doubt(), all.seconds)
	l.curve(depths[best:], below)
}

// depths are the whole seconds in which a line stood, by how long it was.
func (l *Learned) depths(seconds []ReplicaSecond) []depth {
	depths := make([]depth, mostDepths)
	for i := range seconds {
		if ratio, whole := l.ratio(seconds, i); whole && ratio >= saturated {
			d := &depths[min(int(math.Log2(ratio/saturated)), mostDepths-1)]
			d.seconds++
			d.answered += seconds[i].Answered
			d.squares += seconds[i].Answered * seconds[i].Answered
			d.inFlight += seconds[i].InFlight
		}
	}
	return depths
}

// curve goes level to the depth at which most was answered, and from there through those at which clearly less was.
func (l *Learned) curve(depths []depth, below func(*depth) bool) {
	var points []CurvePoint
	falls := false
	for i := range depths {
		d := &depths[i]
		if d.seconds < leastDepth {
			continue
		}
		point := CurvePoint{InFlight: d.inFlight / float64(d.seconds), Rate: l.Model.Capacity}
		if below(d) {
			point.Rate, falls = d.mean(), true
		}
		if last := len(points) - 1; last < 0 || point.InFlight > points[last].InFlight {
			points = append(points, point)
		}
	}
	if !falls {
		return
	}
	l.Model.Curve = points
	last := points[len(points)-1]
	l.note("With %.3g in flight it answers %.4g requests/s.", last.InFlight, last.Rate)
}

// ratio is how many service times a request took in a second of a replica by Little's law, in flight / answered per second. The second is whole if the line stood
// there in the ones before and after, too: one in which a line begins or ends has answered less than could be.
func (l *Learned) ratio(seconds []ReplicaSecond, i int) (ratio float64, whole bool) {
	service := l.Model.ServiceTime.Seconds()
	of := func(s ReplicaSecond) float64 {
		if s.Answered <= 0 {
			return 0
		}
		return s.InFlight / s.Answered / service
	}
	beside := func(j int) bool {
		if j < 0 || j >= len(seconds) || seconds[j].Replica != seconds[i].Replica {
			return false
		}
		apart := seconds[j].At.Sub(seconds[i].At).Abs()
		return apart > 500*time.Millisecond && apart < 1500*time.Millisecond && of(seconds[j]) >= saturated/2
	}
	return of(seconds[i]), beside(i-1) && beside(i+1)
}
