package hpa

import (
	"context"
	"flag"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	autoscaling "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"

	"headroom.dev/headroom/scaling/hpa"
)

var (
	seed  = flag.Uint64("seed", 1, "of the random worlds")
	cases = flag.Uint64("cases", 100_000, "how many random cases, and how many random steps")
	only  = flag.Int64("only", -1, "run this one case or sequence")
)

// TestRandomWorldsAreCalculatedAsKubernetesDoes compares the replica calculator, one metric at a time.
func TestRandomWorldsAreCalculatedAsKubernetesDoes(t *testing.T) {
	t.Logf("-seed %d -cases %d", *seed, *cases)
	followed, kept, failed := map[string]int{}, map[hpa.Kept]int{}, 0
	synctest.Test(t, func(t *testing.T) {
		for number := range *cases {
			if *only >= 0 && number != uint64(*only) {
				continue
			}
			r := newRandom(*seed, number)
			m, controller := r.metric(0), r.controller()
			tolerance := hpa.Tolerance{Down: r.tolerance(), Up: r.tolerance()}
			w := r.world([]hpa.Metric{m}, controller, time.Now())

			ours := w.propose(m, tolerance, controller, time.Now())
			theirs, value, err := calculate(t, w, m, tolerance, controller)
			different := (ours.Err == nil) != (err == nil)
			if err == nil && ours.Err == nil {
				shown := m.Type != hpa.AverageValue || isPerPod(m) || w.observed > 0 // theirs divides by 0
				different = ours.Replicas != theirs || (shown && ours.Value != value)
			}
			if different {
				t.Fatalf("-seed %d -only %d: %+v, %+v, %+v in %+v:\nours %+v, %v\ntheirs %d, value %d, %v",
					*seed, number, m, tolerance, controller, w, ours.Proposal, ours.Err, theirs, value, err)
			}
			switch {
			case ours.Err != nil:
				failed++
			case ours.Kept != "":
				kept[ours.Kept]++
			default:
				followed[fmt.Sprintf("%s %s", m.Source, m.Type)]++
			}
		}
	})
	t.Logf("followed: %v, kept: %v, failed: %d", followed, kept, failed)
	if *only < 0 && *cases >= 10_000 && (len(followed) != 9 || len(kept) != 2 || failed == 0) {
		t.Error("some rules were never reached")
	}
}

// calculate is what the replica calculator of Kubernetes makes of a metric, and the value that it shows.
func calculate(t *testing.T, w *world, m hpa.Metric, tolerance hpa.Tolerance, c hpa.Controller) (int, int64, error) {
	t.Helper()
	cluster := newCluster()
	if err := cluster.show(w); err != nil {
		t.Fatal(err)
	}
	return calculateIn(t, cluster, m, tolerance, c)
}

func calculateIn(t *testing.T, cluster *cluster, m hpa.Metric, tolerance hpa.Tolerance, c hpa.Controller) (int, int64, error) {
	t.Helper()
	calculator := podautoscaler.NewReplicaCalculator(cluster.metricsClient(), cluster.podLister(), c.CPUInitializationPeriod, c.InitialReadinessDelay)
	var (
		ctx      = context.Background()
		tolerate = tolerances(t, tolerance)
		selector = labels.SelectorFromSet(label())
		name     = corev1.ResourceName(m.Name)
		wanted   = int32(cluster.world.wanted)
		observed = int32(cluster.world.observed)
		ingress  = &autoscaling.CrossVersionObjectReference{Kind: "Ingress", Name: "front", APIVersion: "networking.k8s.io/v1"}
		every    = &metav1.LabelSelector{}
		replicas int32
		value    int64
		err      error
	)
	switch {
	case m.Type == hpa.Utilization:
		var percent int32
		replicas, percent, _, _, err = calculator.GetResourceReplicas(ctx, wanted, int32(m.Target), name, tolerate, namespace, selector, m.Container)
		value = int64(percent)
	case m.Source == hpa.Resource || m.Source == hpa.ContainerResource:
		replicas, value, _, err = calculator.GetRawResourceReplicas(ctx, wanted, m.Target, name, tolerate, namespace, selector, m.Container)
	case m.Source == hpa.Pods:
		replicas, value, _, err = calculator.GetMetricReplicas(wanted, m.Target, m.Name, tolerate, namespace, selector, labels.Everything())
	case m.Source == hpa.Object && m.Type == hpa.Value:
		replicas, value, _, err = calculator.GetObjectMetricReplicas(wanted, m.Target, m.Name, tolerate, namespace, ingress, selector, labels.Everything())
	case m.Source == hpa.Object:
		replicas, value, _, err = calculator.GetObjectPerPodMetricReplicas(observed, m.Target, m.Name, tolerate, namespace, ingress, labels.Everything())
	case m.Type == hpa.Value:
		replicas, value, _, err = calculator.GetExternalMetricReplicas(wanted, m.Target, m.Name, tolerate, namespace, every, selector)
	default:
		replicas, value, _, err = calculator.GetExternalPerPodMetricReplicas(observed, m.Target, m.Name, tolerate, namespace, every)
	}
	return int(replicas), value, err
}

// tolerances sets the fields of Kubernetes' type, which are not exported; nothing else of it is.
func tolerances(t *testing.T, tolerance hpa.Tolerance) podautoscaler.Tolerances {
	t.Helper()
	var theirs podautoscaler.Tolerances
	fields := reflect.ValueOf(&theirs).Elem()
	for name, value := range map[string]float64{"scaleDown": tolerance.Down, "scaleUp": tolerance.Up} {
		field := fields.FieldByName(name)
		if !field.IsValid() {
			t.Fatalf("Tolerances has no field %s", name)
		}
		*(*float64)(unsafe.Pointer(field.UnsafeAddr())) = value
	}
	return theirs
}
