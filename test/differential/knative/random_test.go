package knative

import (
	"encoding/json"
	"flag"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"headroom.dev/headroom/scaling/kpa"
)

var (
	seed      = flag.Uint64("seed", 1, "of the random sequences")
	sequences = flag.Uint64("sequences", 1000, "how many random sequences")
	only      = flag.Int64("only", -1, "run this one sequence, and say each step")
)

const stepsPerSequence = 250

func TestRandomSequencesDecideAsKnativeDoes(t *testing.T) {
	t.Logf("-seed %d -sequences %d, %d steps each", *seed, *sequences, stepsPerSequence)
	seen := map[kpa.Bound]int{}
	panics, unknown, decisions := 0, 0, 0
	for sequence := range *sequences {
		if *only >= 0 && sequence != uint64(*only) {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			r := newRun(t, sequence)
			defer r.theirs.close()
			for step := range stepsPerSequence {
				ours, ok := r.step(step)
				if !ok {
					t.Fatalf("-seed %d -only %d: step %d differs", *seed, sequence, step)
				}
				decisions++
				seen[ours.Bound]++
				if ours.Panic {
					panics++
				}
				if !ours.Known {
					unknown++
				}
			}
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d decisions, %d in panic, %d unknown, by rule: %v", decisions, panics, unknown, seen)
	if *only >= 0 {
		return
	}
	for _, bound := range []kpa.Bound{kpa.BoundNone, kpa.BoundNoLoad, kpa.BoundNoReady, kpa.BoundScaleUpRate, kpa.BoundScaleDownRate,
		kpa.BoundActivationScale, kpa.BoundPanic, kpa.BoundScaleDownDelay} {
		if seen[bound] < decisions/1000 {
			t.Errorf("only %d of %d decisions were by the rule %q: the worlds are too tame", seen[bound], decisions, bound)
		}
	}
}

// run is one sequence: the same world for both.
type run struct {
	t      *testing.T
	world  *world
	policy kpa.Policy
	theirs *real
	ours   kpa.State
}

func newRun(t *testing.T, sequence uint64) *run {
	w := newWorld(*seed, sequence)
	time.Sleep(time.Duration(w.Int64N(int64(3 * time.Second)))) // where in a second and in a tick it starts
	p := w.policy(w.delay())
	return &run{t: t, world: w, policy: p, theirs: newReal(t, p, w.chance(30), w.pods), ours: kpa.Start(p, time.Now(), w.pods)}
}

func (r *run) step(step int) (kpa.Decision, bool) {
	w := r.world
	time.Sleep(w.pause(r.policy))
	now := time.Now()
	changed := w.chance(1)
	if changed {
		r.configure()
	}
	if w.chance(0.5) {
		r.restart(now)
	}
	if w.chance(2) {
		r.throughJSON()
	}
	if load, measured := w.next(r.policy); measured {
		at := now
		if !changed && w.chance(2) {
			at = now.Add(-time.Duration(w.Int64N(int64(r.policy.StableWindow - time.Second)))) // a scrape that came late
		}
		r.theirs.record(at, load)
		kpa.Record(r.policy, at, load, &r.ours)
	}
	ready, err := w.ready(r.ours.Last.Desired)
	r.theirs.pods, r.theirs.err = ready, err
	if err == nil && ready == 0 && w.chance(50) {
		r.theirs.err = apierrors.NewNotFound(schema.GroupResource{Resource: "endpoints"}, "cart") // is zero
	}
	if err != nil {
		ready = -1
	}
	last := r.ours.Last
	theirs, ours := r.theirs.scale(now), kpa.Decide(r.policy, now, ready, &r.ours)
	panicking := r.theirs.gauges.panicking()
	told := fmt.Sprintf("step %d at %s, ready %d:\nKnative %+v, loads %v %v, panic %v\n   ours %+v", step, now.Format("15:04:05.000"), ready,
		theirs, r.theirs.stable, r.theirs.panics, panicking, ours)
	if *only >= 0 {
		r.t.Log(told)
	}
	if !ours.Known && !theirs.ScaleValid {
		return ours, ours.Desired == last.Desired && ours.ExcessBurst == last.ExcessBurst
	}
	same := ours.Known == theirs.ScaleValid && ours.Desired == int(theirs.DesiredPodCount) && ours.ExcessBurst == int(theirs.ExcessBurstCapacity) &&
		ours.Panic == panicking && ours.StableLoad == r.theirs.stable && ours.PanicLoad == r.theirs.panics
	if !same {
		r.t.Errorf("%s\npolicy %+v", told, r.policy)
	}
	return ours, same
}

// configure changes the policy; what Knative cannot change while an autoscaler runs stays.
func (r *run) configure() {
	changed := r.world.policy(r.policy.ScaleDownDelay)
	changed.Weighted = r.policy.Weighted
	if r.world.chance(50) {
		changed.StableWindow, changed.PanicWindow = r.policy.StableWindow, r.policy.PanicWindow
	}
	r.policy = changed
	r.theirs.configure(changed)
}

// restart forgets panic and delay; the collected loads stay, in both.
func (r *run) restart(now time.Time) {
	r.policy.ScaleDownDelay = r.world.delay()
	r.theirs.pods, r.theirs.err = r.world.pods, nil
	r.theirs.restart(r.policy)
	started := kpa.Start(r.policy, now, r.world.pods)
	started.Stable, started.Panic = r.ours.Stable, r.ours.Panic
	r.ours = started
}

// throughJSON goes on with what was stored and read back.
func (r *run) throughJSON() {
	stored, err := json.Marshal(r.ours)
	if err != nil {
		r.t.Fatal(err)
	}
	var back kpa.State
	if err := json.Unmarshal(stored, &back); err != nil {
		r.t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || !reflect.DeepEqual(stored, again) {
		r.t.Fatalf("the state changed in JSON: %s, then %s, %v", stored, again, err)
	}
	r.ours = back
}
