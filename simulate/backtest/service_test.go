package backtest

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// truth is a service whose every request is followed: replicas with so many workers and one line each, and a balancer that sends each request to where fewest
// are in flight. It is what the model is to be right about.
type truth struct {
	workers int
	service func(*rand.Rand) float64 // seconds
	evenly  bool
}

type request struct{ from, to float64 }

// plant is a replica: when each of its workers is free, and its requests.
type plant struct {
	free     []float64
	requests []request
	open     ends // of those in flight
}

// ends is a heap of times.
type ends []float64

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i] < e[j] }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(x any)        { *e = append(*e, x.(float64)) }
func (e *ends) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// run sends so many requests each second, at random times, to as many replicas as there are in it.
func (v truth) run(seed uint64, arrivals []float64, replicas []int) []plant {
	plants, _ := v.counted(seed, arrivals, replicas)
	return plants
}

// counted is run with how many came in each second.
func (v truth) counted(seed uint64, arrivals []float64, replicas []int) (_ []plant, came []float64) {
	random := rand.New(rand.NewPCG(seed, 7))
	var plants []plant
	turn := 0
	for i, mean := range arrivals {
		for len(plants) < replicas[i] {
			plants = append(plants, plant{free: make([]float64, v.workers)})
		}
		came = append(came, poisson(random, mean))
		times := make([]float64, int(came[i]))
		for j := range times {
			times[j] = float64(i) + random.Float64()
		}
		slices.Sort(times)
		for _, at := range times {
			best := turn % replicas[i]
			turn++
			if !v.evenly {
				best = fewest(plants[:replicas[i]], at, random)
			}
			plants[best].take(at, v.service(random))
		}
	}
	return plants, came
}

func fewest(plants []plant, at float64, random *rand.Rand) int {
	best, least, alike := 0, math.MaxInt, 0
	for i := range plants {
		open := &plants[i].open
		for open.Len() > 0 && (*open)[0] <= at {
			heap.Pop(open)
		}
		n := open.Len()
		switch {
		case n < least:
			best, least, alike = i, n, 1
		case n == least:
			if alike++; random.IntN(alike) == 0 {
				best = i
			}
		}
	}
	return best
}

func (p *plant) take(at, busy float64) {
	first := slices.Index(p.free, slices.Min(p.free))
	end := math.Max(at, p.free[first]) + busy
	p.free[first] = end
	p.requests = append(p.requests, request{at, end})
	heap.Push(&p.open, end)
}

// history is what a balancer would have measured.
func history(plants []plant, seconds int, replicas []int) History {
	var h History
	answered, inFlight := make([][]float64, len(plants)), make([][]float64, len(plants))
	stretches := make([]Stretch, seconds/10)
	counts := make([]map[int]float64, len(stretches))
	for i := range stretches {
		counts[i] = map[int]float64{}
		stretches[i].Length = 10 * time.Second
	}
	for p := range plants {
		answered[p], inFlight[p] = make([]float64, seconds), make([]float64, seconds)
		for _, r := range plants[p].requests {
			for s := int(r.from); s <= int(r.to) && s < seconds; s++ {
				inFlight[p][s] += math.Min(r.to, float64(s+1)) - math.Max(r.from, float64(s))
			}
			end := int(r.to)
			if end >= seconds {
				continue
			}
			answered[p][end]++
			if end/10 < len(stretches) {
				stretches[end/10].Answered++
				stretches[end/10].Busy += r.to - r.from
				counts[end/10][headroom.HistogramBucket(time.Duration((r.to-r.from)*1e9))/2*2]++
			}
		}
		for s := range seconds {
			if p < replicas[s] {
				h.Replicas = append(h.Replicas, ReplicaSecond{fmt.Sprint(p), time.Unix(int64(s+1), 0), answered[p][s], inFlight[p][s]})
				if s/10 < len(stretches) {
					stretches[s/10].InFlight += inFlight[p][s] / 10
					stretches[s/10].Ready += 0.1
				}
			}
		}
	}
	for i := range stretches {
		for bucket := 48; bucket <= 192; bucket += 2 {
			stretches[i].Slower = append(stretches[i].Slower, Bucket{headroom.HistogramBound(bucket + 2).Seconds(), counts[i][bucket]})
		}
	}
	h.Stretches = stretches
	return h
}

// latenciesOf are those of all requests, sorted, in seconds.
func latenciesOf(plants []plant) []float64 {
	var all []float64
	for _, p := range plants {
		for _, r := range p.requests {
			all = append(all, r.to-r.from)
		}
	}
	slices.Sort(all)
	return all
}

// The services that models are learned from.
func fixedTime(seconds float64) func(*rand.Rand) float64 {
	return func(*rand.Rand) float64 { return seconds }
}

func exponential(mean float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return mean * r.ExpFloat64() }
}

// twoKinds are of a page that is mostly quick and sometimes not.
func twoKinds(r *rand.Rand) float64 {
	if r.Float64() < 0.9 {
		return 0.02
	}
	return 0.12
}
