package orchestration

import (
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestResolveReadsWhatHasHappenedFromTheWorld(t *testing.T) {
	const (
		planned   = headroom.OperationPlanned
		sent      = headroom.OperationSent
		confirmed = headroom.OperationConfirmed
		failed    = headroom.OperationFailed
		unknown   = headroom.OperationUnknown
		grow      = headroom.OperationGrow
		drain     = headroom.OperationDrain
		shrink    = headroom.OperationShrink
	)
	crashed := replica(2, exited)
	crashed.ReadyAt, crashed.Exit = time.Time{}, "exit status 1"
	late := replica(2, starting)
	late.CreatedAt, late.Detail = noon.Add(-time.Minute-1), "503"
	halted := replica(2, stopping)
	halted.ReadyAt = time.Time{}
	one := func(r headroom.Replica) []headroom.Replica { return []headroom.Replica{r} }
	later := func(w World, by time.Duration) World {
		w.Now, w.Inventory.At = noon.Add(by), noon.Add(by)
		return w
	}
	with := func(w World, since time.Duration, traffic Traffic) World {
		w.Draining["shop-2"], w.Traffic["shop-2"] = noon.Add(-since), traffic
		return w
	}
	incomplete := func(w World) World { w.Inventory.Complete = false; return w }
	taken := func(w World) World {
		w.Open = []headroom.Operation{open(shrink, sent, "shop-2")}
		return w
	}
	blind := func(w World) World { w.Inventory = nil; return w }
	hinting := func(w World) World { w.Capabilities.NamesVictims = false; return w }

	for _, test := range []struct {
		name   string
		kind   headroom.OperationKind
		before headroom.OperationState
		world  World
		after  headroom.OperationState
		text   string
	}{
		{"grow: ready", grow, sent, world(2, replicas(ready, 1, 2)), confirmed, ""},
		{"grow: ready though the answer was lost", grow, unknown, world(2, replicas(ready, 1, 2)), confirmed, ""},
		{"grow: ready though it was never noted as sent", grow, planned, world(2, replicas(ready, 1, 2)), confirmed, ""},
		{"grow: taken though the answer was lost", grow, unknown, world(2, replicas(starting, 2)), sent, ""},
		{"grow: starting", grow, sent, world(2, replicas(starting, 2)), sent, ""},
		{"grow: was ready and died since", grow, sent, world(2, replicas(exited, 2)), confirmed, ""},
		{"grow: taken away", grow, sent, taken(world(2)), failed, "shop-2 was taken away before it was ready"},
		{"grow: crashed", grow, sent, world(2, one(crashed)), failed, "shop-2 ended before it was ready: exit status 1"},
		{"grow: stopped", grow, sent, world(2, one(halted)), failed, "shop-2 was stopped before it was ready"},
		{"grow: too slow", grow, sent, world(2, one(late)), failed, "shop-2 did not get ready within 1m: 503"},
		{"grow: not seen yet", grow, sent, later(world(2), time.Minute), sent, ""},
		{"grow: never seen", grow, unknown, later(world(2), time.Minute+1), failed, "the platform did not create shop-2 within 1m"},
		{"grow: never seen, with gaps", grow, sent, incomplete(later(world(2), time.Hour)), sent, ""},
		{"grow: not sent yet", grow, planned, later(world(2), time.Hour), planned, ""},
		{"grow: nothing known", grow, sent, blind(world(2)), sent, ""},

		{"drain: not told yet", drain, planned, world(2, replicas(ready, 1, 2)), planned, ""},
		{"drain: the balancers were never told", drain, unknown, world(2, replicas(ready, 1, 2)), planned, ""},
		{"drain: busy", drain, sent, with(world(2, replicas(ready, 2)), 30*time.Second-1, Traffic{InFlight: pointer(int64(1))}), sent, ""},
		{"drain: told though the answer was lost", drain, unknown, with(world(2, replicas(ready, 2)), 0, Traffic{}), sent, ""},
		{"drain: done", drain, sent, with(world(2, replicas(ready, 2)), 0, Traffic{Drained: true}), confirmed, ""},
		{"drain: too slow", drain, sent, with(world(2, replicas(ready, 2)), 30*time.Second, Traffic{InFlight: pointer(int64(1))}), failed, "shop-2 still had 1 in flight after 30s"},
		{"drain: died", drain, sent, world(2, one(crashed)), failed, "shop-2 ended before it was drained: exit status 1"},
		{"drain: gone", drain, sent, world(2), failed, "shop-2 was gone before it was drained"},
		{"drain: not listed, with gaps", drain, sent, incomplete(world(2)), sent, ""},

		{"shrink: gone", shrink, sent, world(2), confirmed, ""},
		{"shrink: not listed, with gaps", shrink, sent, incomplete(world(2)), sent, ""},
		{"shrink: stopping", shrink, unknown, world(2, replicas(stopping, 2)), sent, ""},
		{"shrink: still there", shrink, sent, later(world(2, replicas(ready, 2)), time.Second), sent, ""},
		{"shrink: answer lost, not begun", shrink, unknown, later(world(2, replicas(ready, 2)), time.Second), planned, ""},
		{"shrink: answer lost, only hints", shrink, unknown, hinting(later(world(2, replicas(ready, 2)), time.Second)), unknown, ""},
		{"shrink: answer lost, an old reading", shrink, unknown, world(2, replicas(ready, 2)), unknown, ""},
		{"ended", shrink, confirmed, world(2, replicas(ready, 2)), confirmed, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			state, text := Resolve(open(test.kind, test.before, "shop-2"), test.world)
			if state != test.after || text != test.text {
				t.Errorf("got %s %q, want %s %q", state, text, test.after, test.text)
			}
		})
	}
}

func TestResolveJudgesANumberByTheReadyReplicas(t *testing.T) {
	op := open(headroom.OperationGrow, headroom.OperationSent)
	op.To = 2
	if state, _ := Resolve(op, world(2, replicas(ready, 1), replicas(starting, 2))); state != headroom.OperationSent {
		t.Errorf("one of two: %s", state)
	}
	if state, _ := Resolve(op, world(2, replicas(ready, 1, 2))); state != headroom.OperationConfirmed {
		t.Errorf("two of two: %s", state)
	}
	w := world(2, replicas(ready, 1))
	w.Open = []headroom.Operation{{Kind: headroom.OperationShrink, State: headroom.OperationSent, Replicas: []string{"shop-3"}, PlannedAt: noon.Add(1)}}
	w.Inventory.At = noon.Add(2)
	if state, text := Resolve(op, w); state != headroom.OperationFailed || text != "replicas were taken away again before all were ready" {
		t.Errorf("taken away again: %s %q", state, text)
	}
	w.Open, w.Inventory.At = nil, noon.Add(time.Hour)
	if state, text := Resolve(op, w); state != headroom.OperationFailed || text != "only 1 of 2 replicas were ready within 1m" {
		t.Errorf("too late: %s %q", state, text)
	}
}

func TestConfirmBelievesWhatIsExplainedAtOnceAndTheRestAfterThreeReadings(t *testing.T) {
	before := History{Live: []string{"shop-1", "shop-2", "shop-3"}, Count: 3, At: noon}
	reading := func(second int, count *int, lists ...[]headroom.Replica) headroom.Inventory {
		inventory := *world(0, lists...).Inventory
		inventory.At = noon.Add(time.Duration(second) * time.Second)
		if count != nil {
			inventory.Count = count
		}
		return inventory
	}
	for _, test := range []struct {
		name      string
		inventory headroom.Inventory
		gone      []string
		believed  bool
		count     int
	}{
		{"the same", reading(1, nil, replicas(ready, 1, 2, 3)), nil, true, 3},
		{"more", reading(1, nil, replicas(ready, 1, 2, 3, 4)), nil, true, 4},
		{"one exited by name", reading(1, nil, replicas(ready, 1, 2), replicas(exited, 3)), nil, true, 2},
		{"one removed by us", reading(1, nil, replicas(ready, 1, 2)), []string{"shop-3"}, true, 2},
		{"one vanished", reading(1, nil, replicas(ready, 1, 2)), nil, false, 3},
		{"the number fell", reading(1, pointer(0), replicas(ready, 1, 2, 3)), nil, false, 3},
		{"with gaps", headroom.Inventory{At: noon.Add(time.Second)}, nil, true, 3},
		{"with gaps and a new one", headroom.Inventory{At: noon.Add(time.Second), Replicas: replicas(ready, 1, 4)}, nil, true, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			after, believed := Confirm(before, test.inventory, test.gone)
			if believed != test.believed || after.Count != test.count {
				t.Errorf("believed %v, %+v", believed, after)
			}
		})
	}

	// Each further fall needs its own three readings.
	falling := before
	for second, left := range [][]int{{1, 2}, {1, 2}, {1}, {1}} {
		var believed bool
		if falling, believed = Confirm(falling, reading(second+1, nil, replicas(ready, left...)), nil); believed {
			t.Errorf("reading %d is believed: %+v", second+1, falling)
		}
	}
	if _, believed := Confirm(falling, reading(5, nil, replicas(ready, 1)), nil); !believed {
		t.Errorf("the third of the same is not believed: %+v", falling)
	}

	// The same reading again is not another witness, and one good reading ends the doubt.
	history, believed := Confirm(before, reading(1, nil, replicas(ready, 1)), nil)
	if believed {
		t.Errorf("believed at once: %+v", history)
	}
	for range 5 {
		if history, believed = Confirm(history, reading(1, nil, replicas(ready, 1)), nil); believed || history.Doubts != 1 {
			t.Fatalf("believed %v, %+v", believed, history)
		}
	}
	if history, believed = Confirm(history, reading(2, nil, replicas(ready, 1, 2, 3)), nil); !believed || history.Doubts != 0 {
		t.Errorf("believed %v, %+v", believed, history)
	}
}
