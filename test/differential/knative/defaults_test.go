package knative

import (
	"fmt"
	"testing"
	"time"

	"headroom.dev/headroom/scaling/kpa"
	"knative.dev/serving/pkg/apis/autoscaling"
	"knative.dev/serving/pkg/apis/autoscaling/v1alpha1"
	"knative.dev/serving/pkg/autoscaler/config"
	kparesources "knative.dev/serving/pkg/reconciler/autoscaling/kpa/resources"
	"knative.dev/serving/pkg/reconciler/autoscaling/resources"
)

func TestDefaultsAreKnatives(t *testing.T) {
	configured, err := config.NewConfigFromMap(nil)
	if err != nil {
		t.Fatal(err)
	}
	pa := &v1alpha1.PodAutoscaler{}
	ours := kpa.Default()
	theirs := kparesources.MakeDecider(pa, configured).Spec
	theirs.ActivatorCapacity = 100 // how many activators there are, which is not ours to decide
	if want := *specOf(ours, false); theirs != want {
		t.Errorf("Knative %+v\n   ours %+v", theirs, want)
	}
	metric := resources.MakeMetric(pa, "cart-private", configured).Spec
	if metric.StableWindow != ours.StableWindow || metric.PanicWindow != ours.PanicWindow {
		t.Errorf("the windows are %v and %v, ours %v and %v", metric.StableWindow, metric.PanicWindow, ours.StableWindow, ours.PanicWindow)
	}
	if configured.ScaleToZeroGracePeriod != ours.ScaleToZeroGrace || configured.ScaleToZeroPodRetentionPeriod != ours.LastPodRetention ||
		configured.EnableScaleToZero == ours.KeepLastPod {
		t.Errorf("the last pod goes by %+v, ours by %+v", configured, ours)
	}
	if int(configured.MinScale) != ours.MinScale || int(configured.MaxScale) != ours.MaxScale {
		t.Errorf("bounds %d and %d, ours %d and %d", configured.MinScale, configured.MaxScale, ours.MinScale, ours.MaxScale)
	}
}

func TestTargetsAndPanicWindowsAreKnatives(t *testing.T) {
	configured, err := config.NewConfigFromMap(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(*seed, 0)
	for range 10_000 {
		stable := time.Duration(6+w.IntN(3595)) * time.Second
		percentage, total, utilization := 1+99*w.Float64(), 200*w.Float64(), 1+99*w.Float64()
		if w.chance(30) {
			percentage, total = float64(1+w.IntN(100)), float64(w.oneOf(1, 2, 10, 100))
		}
		pa := &v1alpha1.PodAutoscaler{}
		pa.Annotations = map[string]string{
			autoscaling.WindowAnnotationKey:                stable.String(),
			autoscaling.PanicWindowPercentageAnnotationKey: fmt.Sprint(percentage),
			autoscaling.TargetAnnotationKey:                fmt.Sprint(total),
			autoscaling.TargetUtilizationPercentageKey:     fmt.Sprint(utilization),
		}
		metric := resources.MakeMetric(pa, "cart-private", configured).Spec
		if ours := kpa.PanicWindow(stable, percentage); metric.StableWindow != stable || metric.PanicWindow != ours {
			t.Fatalf("%v %% of %v are %v, ours %v", percentage, metric.StableWindow, metric.PanicWindow, ours)
		}
		target, _ := resources.ResolveMetricTarget(pa, configured)
		if ours := kpa.Target(total, utilization/100); target != ours {
			t.Fatalf("the target of %v at %v %% is %v, ours %v", total, utilization, target, ours)
		}
	}
}
