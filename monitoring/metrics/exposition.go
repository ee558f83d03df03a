package metrics

import (
	"log/slog"
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapesAtOnce bounds concurrent scrapes; more get 503. A Prometheus pair makes two.
const scrapesAtOnce = 4

// Handler serves the current values in the Prometheus text or OpenMetrics format, whichever the
// scraper asks for, with those of the Go runtime, of this process and of the store.
func (r *Recorder) Handler() http.Handler {
	own := prometheus.NewRegistry()
	own.MustRegister(
		exposition{r},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	gatherers := prometheus.Gatherers{own}
	if r.options.Store != nil {
		gatherers = append(gatherers, r.options.Store.registry)
	}
	return promhttp.HandlerFor(gatherers, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(r.options.Logger.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: scrapesAtOnce,
	})
}

// exposition makes a recorder a collector.
type exposition struct{ recorder *Recorder }

// Describe names the metrics, so that a clash with another collector is found at registration.
func (x exposition) Describe(out chan<- *prometheus.Desc) {
	for _, f := range x.recorder.families.all() {
		out <- f.describe()
	}
}

// Collect sends the current values. They are taken under the lock, so all are of the same reports,
// and sent after it, so that a slow scraper delays nobody.
func (x exposition) Collect(out chan<- prometheus.Metric) {
	for _, metric := range x.recorder.current() {
		out <- metric
	}
}

// current makes one metric of every current value. What has not been reported for longer than
// [Lookback] is left out, as it is from queries: a balancer or scaler that died must not leave its
// last values on display.
func (r *Recorder) current() []prometheus.Metric {
	var out []prometheus.Metric
	descriptions := map[*family]*prometheus.Desc{}
	for _, f := range r.families.all() {
		descriptions[f] = f.describe()
	}
	into := emitter{
		value: func(f *family, value float64, values ...string) {
			kind := prometheus.GaugeValue
			if f.kind == counterKind {
				kind = prometheus.CounterValue
			}
			out = append(out, prometheus.MustNewConstMetric(descriptions[f], kind, value, valid(values)...))
		},
		durations: func(f *family, d *durations, values ...string) {
			out = append(out, prometheus.MustNewConstHistogram(descriptions[f], d.total, d.sum.Seconds(), d.buckets(), valid(values)...))
		},
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := r.options.Now().Add(-Lookback)
	for name, service := range r.services {
		if !service.seen.Before(oldest) {
			r.eachTraffic(into, name, service)
		}
	}
	if !r.balancer.seen.Before(oldest) {
		r.eachOfBalancer(into, r.balancer)
	}
	for _, replicas := range r.replicas {
		if !replicas.seen.Before(oldest) {
			r.eachReplica(into, replicas.usage)
		}
	}
	if !r.scaled.seen.Before(oldest) {
		r.eachScaled(into, r.scaled.services)
	}
	if !r.late.seen.Before(oldest) {
		r.eachLate(into)
	}
	into.value(r.families.build, 1, r.options.Version, runtime.Version())
	into.value(r.families.appendFailures, float64(r.failures.total))
	return out
}

// valid repairs label values that are not UTF-8, which the exposition formats require.
func valid(values []string) []string {
	out := make([]string, len(values))
	for i, value := range values {
		out[i] = validUTF8(value)
	}
	return out
}
