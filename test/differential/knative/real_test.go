package knative

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"headroom.dev/headroom/scaling/kpa"
	"knative.dev/serving/pkg/apis/autoscaling"
	"knative.dev/serving/pkg/apis/autoscaling/v1alpha1"
	"knative.dev/serving/pkg/autoscaler/metrics"
	"knative.dev/serving/pkg/autoscaler/scaling"
)

// real is Knative's own autoscaler with its own collector of metrics. Only the pods are ours to say, and there is nothing to scrape.
type real struct {
	t         testing.TB
	rps       bool
	collector *metrics.MetricCollector
	scaler    scaling.UniScaler
	pods      int
	err       error
	stable    float64 // what the collector said last
	panics    float64
	gauges    *gauges
}

var (
	key    = types.NamespacedName{Namespace: "shop", Name: "cart"}
	silent = zap.NewNop().Sugar()
)

func newReal(t testing.TB, p kpa.Policy, rps bool, pods int) *real {
	nothing := func(*v1alpha1.Metric, *zap.SugaredLogger) (metrics.StatsScraper, error) { return nil, nil }
	r := &real{t: t, rps: rps, collector: metrics.NewMetricCollector(nothing, silent), pods: pods}
	r.collect(p)
	r.restart(p)
	return r
}

func (r *real) close() { r.collector.Delete(key.Namespace, key.Name) }

// restart makes a new autoscaler; the collected metrics stay.
func (r *real) restart(p kpa.Policy) {
	r.gauges = &gauges{}
	r.scaler = scaling.New(attribute.NewSet(), r.gauges, key.Namespace, key.Name, r, r, specOf(p, r.rps))
}

// configure changes the policy as the reconciler does.
func (r *real) configure(p kpa.Policy) {
	r.collect(p)
	r.scaler.Update(specOf(p, r.rps))
}

func (r *real) collect(p kpa.Policy) {
	metric := &v1alpha1.Metric{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Annotations: map[string]string{}},
		Spec:       v1alpha1.MetricSpec{StableWindow: p.StableWindow, PanicWindow: p.PanicWindow, ScrapeTarget: "cart-private"},
	}
	if p.Weighted {
		metric.Annotations[autoscaling.MetricAggregationAlgorithmKey] = autoscaling.MetricAggregationAlgorithmWeightedExponential
	}
	if p.TargetBurstCapacity == -1 {
		metric.Spec.ScrapeTarget = "" // as resolveScrapeTarget of the reconciler
	}
	if err := r.collector.CreateOrUpdate(metric); err != nil {
		r.t.Fatal(err)
	}
}

func (r *real) record(at time.Time, load float64) {
	stat := metrics.Stat{AverageConcurrentRequests: load, RequestCount: load}
	if r.rps {
		stat.AverageConcurrentRequests = 17 // must not matter
	} else {
		stat.RequestCount = 17
	}
	r.collector.Record(key, at, stat)
}

func (r *real) scale(now time.Time) scaling.ScaleResult { return r.scaler.Scale(silent, now) }

// The collector answers the autoscaler through here, so that its averages can be compared too.

func (r *real) StableAndPanicConcurrency(key types.NamespacedName, now time.Time) (float64, float64, error) {
	var err error
	r.stable, r.panics, err = r.collector.StableAndPanicConcurrency(key, now)
	return r.stable, r.panics, err
}

func (r *real) StableAndPanicRPS(key types.NamespacedName, now time.Time) (float64, float64, error) {
	var err error
	r.stable, r.panics, err = r.collector.StableAndPanicRPS(key, now)
	return r.stable, r.panics, err
}

// ReadyCount and NotReadyCount count the pods for the autoscaler.
func (r *real) ReadyCount() (int, error)    { return r.pods, r.err }
func (r *real) NotReadyCount() (int, error) { return 0, nil }

func specOf(p kpa.Policy, rps bool) *scaling.DeciderSpec {
	metric := autoscaling.Concurrency
	if rps {
		metric = autoscaling.RPS
	}
	return &scaling.DeciderSpec{
		MaxScaleUpRate:      p.MaxScaleUpRate,
		MaxScaleDownRate:    p.MaxScaleDownRate,
		ScalingMetric:       metric,
		TargetValue:         p.Target,
		TotalValue:          p.Total,
		TargetBurstCapacity: p.TargetBurstCapacity,
		ActivatorCapacity:   100,
		PanicThreshold:      p.PanicThreshold,
		StableWindow:        p.StableWindow,
		ScaleDownDelay:      p.ScaleDownDelay,
		InitialScale:        int32(p.InitialScale),
		Reachable:           !p.Unreachable,
		ActivationScale:     int32(p.ActivationScale),
	}
}
