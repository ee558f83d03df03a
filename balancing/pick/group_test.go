package pick

import (
	"testing"

	"headroom.dev/headroom"
)

// share is what part of the picks goes to candidates of each kind.
func share(t *testing.T, list []Candidate, settings Settings, regions []uint8, kind func(Candidate) int, kinds int) []float64 {
	t.Helper()
	s, p, r := NewSnapshot(list, settings), mustNew(t, headroom.PowerOfTwo, 0), excluding(len(list))
	r.Regions = regions
	got := make([]float64, kinds)
	for range 20_000 {
		i := p.Pick(s, r)
		if i == None {
			t.Fatal("none was picked")
		}
		got[kind(list[i])] += 1. / 20_000
	}
	return got
}

func close(got, want []float64) bool {
	for i := range want { // five standard deviations of a share of 20,000
		if got[i] < want[i]-0.018 || got[i] > want[i]+0.018 {
			return false
		}
	}
	return true
}

// Envoy's own table for priorities (docs, "Priority levels"): P0 takes 1.4 times its healthy share, P1 the rest as far as it can, and where
// both cannot take all their parts grow.
func TestLoadSpillsOverToTheNextPriority(t *testing.T) {
	for _, c := range []struct {
		name            string
		first, second   int // healthy of ten
		threshold       float64
		wantFirst, want float64
	}{
		{"all well", 10, 10, 0, 1, 0}, {"72 % suffice", 8, 10, 0, 1, 0}, {"71 %", 7, 10, 0, 0.98, 0.02}, {"half", 5, 10, 0, 0.7, 0.3},
		{"none", 0, 10, 0, 0, 1}, {"both weak", 2, 2, 0, 0.5, 0.5}, {"panic", 2, 2, 0.5, 1, 0}, {"no panic while others can", 2, 10, 0.5, 0.28, 0.72},
	} {
		var list []Candidate
		for i, member := range candidates(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) {
			member.Priority = i / 10
			member.Unhealthy = i%10 >= []int{c.first, c.second}[i/10]
			list = append(list, member)
		}
		got := share(t, list, Settings{Panic: c.threshold}, nil, func(m Candidate) int { return m.Priority }, 2)
		if !close(got, []float64{c.wantFirst, c.want}) {
			t.Errorf("%s: got %v, want %v and %v", c.name, got, c.wantFirst, c.want)
		}
	}
}

func TestPanicAsksAllAlike(t *testing.T) {
	list := candidates(1, 1, 1, 1)
	for i := range 3 {
		list[i].Unhealthy = true
	}
	ill := func(m Candidate) int { return map[bool]int{false: 0, true: 1}[m.Unhealthy] }
	if got := share(t, list, Settings{Panic: 0.5}, nil, ill, 2); !close(got, []float64{0.25, 0.75}) {
		t.Errorf("25 %% healthy: %v", got)
	}
	list[0].Unhealthy = false
	if got := share(t, list, Settings{Panic: 0.5}, nil, ill, 2); got[1] != 0 {
		t.Errorf("50 %% healthy: %v", got)
	}
	if got := share(t, list[1:], Settings{}, nil, ill, 2); got[1] != 0 {
		t.Errorf("panic is off: %v", got)
	}
}

func TestNearerBackendsAreAskedFirst(t *testing.T) {
	list := candidates(1, 1, 1, 1)
	for i, near := range []int{2, 0, 1, 0} {
		list[i].Near = near
	}
	near := func(m Candidate) int { return m.Near }
	if got := share(t, list, Settings{}, nil, near, 3); got[0] < 0.9999 {
		t.Errorf("all well: %v", got)
	}
	list[1].Unhealthy = true // half of the zone is left: 70 %
	if got := share(t, list, Settings{}, nil, near, 3); !close(got, []float64{0.7, 0.3, 0}) {
		t.Errorf("half the zone: %v", got)
	}
}

func TestRegionsAreAskedInTheOrderOfTheRequest(t *testing.T) {
	list := candidates(1, 1, 1, 1, 1)
	for i, region := range []int{0, 1, 2, 2, -1} {
		list[i].Region = region
	}
	region := func(m Candidate) int { return m.Region + 1 }
	for _, c := range []struct {
		name  string
		order []uint8
		ill   int
		want  []float64
	}{
		{"near the second", []uint8{1, 2, 0}, -1, []float64{0, 0, 1, 0}},
		{"near the third", []uint8{2, 0, 1}, -1, []float64{0, 0, 0, 1}},
		{"half of the third", []uint8{2, 0, 1}, 2, []float64{0, 0.3, 0, 0.7}},
		{"the second is lost", []uint8{1, 2, 0}, 1, []float64{0, 0, 0, 1}},
		{"one without region comes before those not named", []uint8{1}, 1, []float64{1, 0, 0, 0}},
	} {
		for i := range list {
			list[i].Unhealthy = i == c.ill
		}
		if got := share(t, list, Settings{}, c.order, region, 4); !close(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestGroupWhoseCandidatesAreAllExcludedPassesTheRequestOn(t *testing.T) {
	list := candidates(1, 1, 1)
	list[2].Priority = 1
	s, p := NewSnapshot(list, Settings{}), mustNew(t, headroom.LeastConnections, 0)
	if got := p.Pick(s, excluding(3, 0, 1)); got != 2 {
		t.Errorf("got %d, want 2", got)
	}
	if got := p.Pick(s, excluding(3, 2)); got == 2 || got == None {
		t.Errorf("got %d, want 0 or 1", got)
	}
	if got := p.Pick(s, excluding(3, 0, 1, 2)); got != None {
		t.Errorf("got %d, want none", got)
	}
}
