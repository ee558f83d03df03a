package hpa

import (
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom/scaling/hpa"
)

// The tests of this file are the differences that docs/compatibility.md lists, one each, with what both sides say.

var tenPercent = hpa.Tolerance{Down: 0.1, Up: 0.1}

func both(t *testing.T, w *world, m hpa.Metric) (ours, theirs int) {
	t.Helper()
	c := hpa.DefaultController()
	proposed := w.propose(m, tenPercent, c, time.Now())
	replicas, _, err := calculate(t, w, m, tenPercent, c)
	if proposed.Err != nil || err != nil {
		t.Fatalf("ours %v, theirs %v", proposed.Err, err)
	}
	return proposed.Replicas, replicas
}

func TestMoreReplicasThanCanBeCountedAreTheMost(t *testing.T) {
	w := &world{wanted: 1, observed: 1, values: map[string]int64{"hits": 1 << 40}}
	ours, theirs := both(t, w, hpa.Metric{Source: hpa.Object, Name: "hits", Type: hpa.AverageValue, Target: 1})
	if ours != math.MaxInt32 {
		t.Errorf("ours %d, want the largest number", ours)
	}
	if runtime.GOARCH == "amd64" && theirs != math.MinInt32 {
		t.Errorf("theirs %d: Kubernetes no longer takes a huge load for none", theirs)
	}
}

func TestLargeMemoriesAreComparedInFull(t *testing.T) {
	const tebibyte = 1 << 40 * 1000 // in milli-bytes
	pod := hpa.Pod{
		Phase:    hpa.Running,
		Requests: []hpa.Container{{Name: "app", Resources: hpa.Resources{"memory": tebibyte}}},
		Usage:    []hpa.Container{{Name: "app", Resources: hpa.Resources{"memory": tebibyte / 10 * 9}}},
	}
	w := &world{wanted: 100, observed: 100}
	for range 100 {
		w.pods = append(w.pods, pod)
	}
	// 90 of 45 percent is twice; in 64 bits the sum × 100 is negative.
	ours, theirs := both(t, w, hpa.Metric{Source: hpa.Resource, Name: "memory", Type: hpa.Utilization, Target: 45})
	if ours != 200 || theirs > 0 {
		t.Errorf("ours %d, theirs %d; want 200 and a number below 1", ours, theirs)
	}
}

func TestANegativeAverageOfAnExternalMetricAsksForNone(t *testing.T) {
	w := &world{wanted: 4, observed: 4, series: map[string][]int64{"queue": {-500}}}
	ours, theirs := both(t, w, hpa.Metric{Source: hpa.External, Name: "queue", Type: hpa.AverageValue, Target: 100})
	if ours != -5 || theirs != math.MaxInt32 {
		t.Errorf("ours %d, theirs %d; want -5, which Step takes for 0, and the largest number", ours, theirs)
	}
}

func TestMeasurementsOfPodsThatAreNotListedDoNotCount(t *testing.T) {
	m := hpa.Metric{Source: hpa.Pods, Name: "rate", Type: hpa.AverageValue, Target: 100}
	pod := func(value int64) hpa.Pod {
		return hpa.Pod{Phase: hpa.Running, Custom: map[string]int64{"rate": value}}
	}
	listed := []hpa.Pod{pod(200), pod(200)}
	w := &world{wanted: 2, observed: 2, pods: append(listed, pod(2000))}
	cluster := newCluster()
	if err := cluster.show(w); err != nil {
		t.Fatal(err)
	}
	if err := cluster.pods.Delete(kubernetesPod(2, &w.pods[2])); err != nil {
		t.Fatal(err)
	}
	theirs, _, err := calculateIn(t, cluster, m, tenPercent, hpa.DefaultController())
	ours, oursErr := m.FromPods(listed, 2, tenPercent, hpa.DefaultController(), time.Now())
	// Theirs is the mean of three, 800, for the two that are listed.
	if err != nil || oursErr != nil || theirs != 16 || ours.Replicas != 4 {
		t.Errorf("ours %+v, %v; theirs %d, %v; want 4 and 16", ours, oursErr, theirs, err)
	}
}

// queue is an autoscaler on the length of a queue, which asks for as many replicas as w says.
func queue(b *hpa.Behavior) hpa.Spec {
	m := hpa.Metric{Source: hpa.External, Name: "queue", Type: hpa.AverageValue, Target: 100}
	return hpa.Spec{Bounds: hpa.Bounds{Min: 1, Max: 100_000}, Metrics: []hpa.Metric{m}, Behavior: b, Controller: hpa.DefaultController()}
}

func asking(from, replicas int) *world {
	return &world{wanted: from, observed: from, series: map[string][]int64{"queue": {int64(100 * replicas)}}}
}

func TestHugePercentagesAllowAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := hpa.DefaultController()
		b := &hpa.Behavior{ScaleUp: hpa.DefaultScaleUp(c), ScaleDown: hpa.DefaultScaleDown(c)}
		b.ScaleUp.Policies = []hpa.RatePolicy{{Type: hpa.RatePercent, Value: math.MaxInt32, Period: time.Minute}}
		spec, w := queue(b), asking(1000, 5000)
		d, _ := hpa.Step(spec, []hpa.Proposed{w.propose(spec.Metrics[0], spec.Tolerance(), c, time.Now())}, 1000, hpa.State{}, time.Now())
		if d.Replicas != 5000 {
			t.Errorf("ours %+v, want 5000", d)
		}
		theirs := start(c)
		defer theirs.stop()
		theirs.reconcile(t, w, kubernetesSpec(spec))
		if runtime.GOARCH == "amd64" && theirs.replicas != nil {
			t.Errorf("theirs %d: Kubernetes no longer takes a huge percentage for none", *theirs.replicas)
		}
	})
}

func TestALongerWindowDoesNotReachBackBeforeTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := hpa.DefaultController()
		b := hpa.Behavior{ScaleUp: hpa.DefaultScaleUp(c), ScaleDown: hpa.DefaultScaleDown(c)}
		b.ScaleDown.StabilizationWindow = 30 * time.Second
		theirs := start(c)
		defer theirs.stop()
		current, state := 10, hpa.State{}
		reconcile := func(asked int) (d hpa.Decision) {
			spec, w := queue(&b), asking(current, asked)
			p := w.propose(spec.Metrics[0], spec.Tolerance(), c, time.Now())
			d, state = hpa.Step(spec, []hpa.Proposed{p}, current, state, time.Now())
			theirs.reconcile(t, w, kubernetesSpec(spec))
			if d.Rescale != (theirs.replicas != nil) {
				t.Fatalf("ours %+v, theirs %s", d, show(theirs.replicas))
			}
			return d
		}
		for range 8 {
			current = reconcile(4).Replicas // from 10 to 4 when the number at first sight is 30 s old
			time.Sleep(15 * time.Second)
		}
		longer := b
		longer.ScaleDown.StabilizationWindow = 5 * time.Minute
		b, current = longer, 20 // by hand
		d := reconcile(3)
		// Theirs still has the 10 of two minutes ago, since it overwrites one old recommendation at a time, the newest first.
		if d.Replicas != 4 || *theirs.replicas != 10 {
			t.Errorf("ours %d, theirs %d; want 4 and 10", d.Replicas, *theirs.replicas)
		}
	})
}

func TestWithoutMetricsNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec, w := queue(nil), asking(5, 5)
		spec.Metrics, spec.Controller.DownscaleStabilization = nil, 0
		d, _ := hpa.Step(spec, nil, 5, hpa.State{}, time.Now())
		if d.Rescale || d.Err == nil {
			t.Errorf("ours %+v, want an error and no change", d)
		}
		theirs := start(spec.Controller)
		defer theirs.stop()
		theirs.reconcile(t, w, kubernetesSpec(spec))
		time.Sleep(time.Second)
		theirs.reconcile(t, w, kubernetesSpec(spec))
		if theirs.replicas == nil || *theirs.replicas != 1 {
			t.Errorf("theirs %s: Kubernetes no longer falls to the minimum", show(theirs.replicas))
		}
	})
}
