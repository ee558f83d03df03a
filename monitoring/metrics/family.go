package metrics

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"headroom.dev/headroom"
)

// family is one metric with its labels, as in the Prometheus data model.
type family struct {
	name   string
	help   string
	kind   familyKind
	labels []string
}

type familyKind int

const (
	counterKind familyKind = iota
	gaugeKind
	histogramKind
)

func (f *family) describe() *prometheus.Desc {
	return prometheus.NewDesc(f.name, f.help, f.labels, nil)
}

// families is every metric of ours. Names follow https://prometheus.io/docs/practices/naming: base
// units (seconds, bytes), _total for counters. What clients saw and what backends answered have
// different names, since a retried request is one of the first and two of the second: a sum over
// one name must never count a request twice.
type families struct {
	arrivals, requests, duration, inFlight, received, sent, backends  *family // per service
	rateLimited, rateFallback, rateCrowded                            *family // per rate limit
	copies, waiting, held                                             *family // per service
	attempts, attemptDuration, attemptsInFlight, up, breakerOpen      *family // per backend
	connections, accepted, refused, handshakes                        *family // per listener
	protocols, malformed, tunnels                                     *family // per listener
	retries, hedges, budgetExhausted, shed                            *family // per service
	ejected                                                           *family // per backend
	certificateEnd, certificateLife, certificateFailing               *family // per certificate
	logDropped                                                        *family // of the balancer
	replicaCPU, replicaMemory, replicaCPULimit, replicaMemoryLimit    *family // per replica
	desired, ready, starting, minReplicas, maxReplicas, wishUnlimited *family // of the scaler, per service
	proposal                                                          *family // of the scaler, per policy
	lateness                                                          *family // of the scaler
	build, appendFailures                                             *family // of this program
}

func newFamilies() families {
	service := []string{"service"}
	backend := []string{"service", "backend"}
	rateLimit := []string{"service", "limit"}
	listener := []string{"listen"}
	certificate := []string{"name", "file"}
	replica := []string{"service", "replica"}
	return families{
		arrivals: &family{"headroom_request_arrivals_total", "Requests that began, by clients, whatever becomes of them: the load.", counterKind, service},
		requests: &family{"headroom_requests_total", "Requests that ended, as clients saw them, by outcome: status class, or why there was none.", counterKind, []string{"service", "outcome"}},
		duration: &family{"headroom_request_duration_seconds", "Time from the arrival of a request to the last byte of its response.", histogramKind, service},
		inFlight: &family{"headroom_requests_in_flight", "Requests being served, mean over the last second.", gaugeKind, service},
		received: &family{"headroom_received_bytes_total", "Bytes of request bodies received from clients.", counterKind, service},
		sent:     &family{"headroom_sent_bytes_total", "Bytes of response bodies sent to clients.", counterKind, service},
		backends: &family{"headroom_backends", "Backends that the balancer knows, by health.", gaugeKind, []string{"service", "health"}},

		retries:         &family{"headroom_retries_total", "Attempts on another backend than the first, hedges not included.", counterKind, service},
		hedges:          &family{"headroom_hedges_total", "Second backends asked because the first was slow, by which of the two answers was taken.", counterKind, []string{"service", "winner"}},
		budgetExhausted: &family{"headroom_retry_budget_exhausted_total", "Retries and hedges that the budget did not allow.", counterKind, service},
		shed:            &family{"headroom_shed_requests_total", "Requests that were turned away because a limit of overload was reached, by class.", counterKind, []string{"service", "priority"}},
		rateLimited:     &family{"headroom_rate_limit_requests_total", "Requests that a rate limit was asked about, by result: allowed, limited, would_limit (of a dry run), or unknown where Redis could not be asked and they were refused.", counterKind, []string{"service", "limit", "result"}},
		rateFallback:    &family{"headroom_rate_limit_fallback_total", "Requests that a shared rate limit counted by this balancer's share, since Redis was away.", counterKind, rateLimit},
		rateCrowded:     &family{"headroom_rate_limit_crowded_total", "Requests that were counted together with other keys, since there were more than maxKeys.", counterKind, rateLimit},
		waiting:         &family{"headroom_requests_waiting", "Requests that wait for a first replica, or for a place where all backends are full.", gaugeKind, service},
		held:            &family{"headroom_held_requests_total", "Requests that began to wait for a backend (held), were refused since too many waited (turned_away), or waited in vain (gave_up).", counterKind, []string{"service", "result"}},
		copies:          &family{"headroom_mirror_requests_total", "Copies of the service's requests for its mirror: sent, or skipped, for there were too many at once or the request is of a kind that is not copied.", counterKind, []string{"service", "result"}},

		attempts:         &family{"headroom_backend_requests_total", "Attempts that ended at a backend, retries included, by outcome.", counterKind, []string{"service", "backend", "outcome"}},
		attemptDuration:  &family{"headroom_backend_request_duration_seconds", "Time from sending an attempt to the last byte of its response.", histogramKind, backend},
		attemptsInFlight: &family{"headroom_backend_requests_in_flight", "Attempts being served by a backend, mean over the last second.", gaugeKind, backend},
		up:               &family{"headroom_backend_up", "1 if the backend passes its health checks, 0 if not; absent while it is not known.", gaugeKind, backend},
		ejected:          &family{"headroom_backend_ejected", "1 if outlier detection has ejected the backend.", gaugeKind, backend},
		breakerOpen:      &family{"headroom_backend_breaker_open", "1 if the circuit breaker keeps traffic from the backend, half-open included.", gaugeKind, backend},

		connections: &family{"headroom_connections", "Connections of clients that are open on a listener, idle ones included.", gaugeKind, listener},
		accepted:    &family{"headroom_connections_accepted_total", "Connections of clients that a listener accepted.", counterKind, listener},
		refused:     &family{"headroom_connections_refused_total", "Connections of clients that were closed at once, for they were over a limit.", counterKind, listener},
		handshakes:  &family{"headroom_tls_handshakes_total", "TLS handshakes with clients that ended, by how: full, resumed or failed.", counterKind, []string{"listen", "result"}},
		protocols:   &family{"headroom_listener_requests_total", "Requests that a listener read, by protocol, those that no service is there for included.", counterKind, []string{"listen", "protocol"}},
		malformed:   &family{"headroom_malformed_requests_total", "Requests that were refused before a service could be found for them.", counterKind, listener},
		tunnels:     &family{"headroom_tunnels", "WebSockets and TCP connections that are open on a listener.", gaugeKind, listener},

		certificateEnd:     &family{"headroom_certificate_expiry_timestamp_seconds", "When a certificate ends, in seconds since 1970; absent while there is none.", gaugeKind, certificate},
		certificateLife:    &family{"headroom_certificate_lifetime_seconds", "How long a certificate is valid in all; absent while there is none.", gaugeKind, certificate},
		certificateFailing: &family{"headroom_certificate_failing", "1 if the files of a certificate, as they are now, cannot be used, or if it could not be obtained or renewed.", gaugeKind, certificate},

		logDropped: &family{"headroom_access_log_dropped_lines_total", "Lines of the access log that were dropped, for the disk was too slow.", counterKind, nil},

		replicaCPU:         &family{"headroom_replica_cpu_seconds_total", "Processor time used by a replica and its children since it started.", counterKind, replica},
		replicaMemory:      &family{"headroom_replica_memory_bytes", "Resident memory of a replica and its children.", gaugeKind, replica},
		replicaCPULimit:    &family{"headroom_replica_cpu_limit_cores", "Cores that 100 % processor utilization of a replica means.", gaugeKind, replica},
		replicaMemoryLimit: &family{"headroom_replica_memory_limit_bytes", "Memory that 100 % memory utilization of a replica means.", gaugeKind, replica},

		desired:       &family{"headroom_replicas_desired", "Replicas that the scaler wants.", gaugeKind, service},
		ready:         &family{"headroom_replicas_ready", "Replicas that pass their health check; absent while it is not known.", gaugeKind, service},
		starting:      &family{"headroom_replicas_starting", "Replicas created and not ready yet; absent while it is not known.", gaugeKind, service},
		minReplicas:   &family{"headroom_replicas_min", "Least replicas allowed.", gaugeKind, service},
		maxReplicas:   &family{"headroom_replicas_max", "Most replicas allowed.", gaugeKind, service},
		wishUnlimited: &family{"headroom_replicas_unlimited", "Replicas that the load alone asks for, before any limit.", gaugeKind, service},

		proposal: &family{"headroom_policy_proposal", "Replicas that a policy asks for by itself, before any limit; absent while it abstains. shadow is true for one that decides nothing.", gaugeKind, []string{"service", "policy", "shadow"}},

		lateness: &family{"headroom_scaler_lateness_seconds", "Time from the end of a second that was measured to the decision on it, of each service.", histogramKind, nil},

		build:          &family{"headroom_build_info", "1, labeled with the versions that this program was built from.", gaugeKind, []string{"version", "goversion"}},
		appendFailures: &family{"headroom_metrics_append_failures_total", "Times that the store refused samples, in whole or in part.", counterKind, nil},
	}
}

// all lists the families, for descriptions.
func (f families) all() []*family {
	return []*family{
		f.arrivals, f.requests, f.duration, f.inFlight, f.received, f.sent, f.backends, f.copies, f.waiting, f.held,
		f.rateLimited, f.rateFallback, f.rateCrowded,
		f.attempts, f.attemptDuration, f.attemptsInFlight, f.up, f.breakerOpen, f.ejected,
		f.retries, f.hedges, f.budgetExhausted, f.shed,
		f.connections, f.accepted, f.refused, f.handshakes, f.protocols, f.malformed, f.tunnels,
		f.certificateEnd, f.certificateLife, f.certificateFailing, f.logDropped,
		f.replicaCPU, f.replicaMemory, f.replicaCPULimit, f.replicaMemoryLimit,
		f.desired, f.ready, f.starting, f.minReplicas, f.maxReplicas, f.wishUnlimited, f.proposal,
		f.lateness, f.build, f.appendFailures,
	}
}

// outcomes names each way a request can end, as the label has it, in a fixed order.
func outcomes(o headroom.Outcomes) []outcome {
	return []outcome{
		{"1xx", o.Informational}, {"2xx", o.Success}, {"3xx", o.Redirect}, {"4xx", o.ClientError}, {"5xx", o.ServerError},
		{"no_backend", o.NoBackend}, {"connect_error", o.ConnectError}, {"timeout", o.Timeout}, {"reset", o.Reset},
		{"client_aborted", o.ClientAborted}, {"rejected", o.Rejected},
	}
}

type outcome struct {
	name  string
	count uint64
}

// edges are buckets of [headroom.Histogram] at whose lower ends the exposed histogram is cut, so
// that every exposed bucket is an exact sum. They reach from 256 µs (bucket 48) to 67 s (bucket
// 192); step 8 is one per power of two, step 2 four of them.
func edges(step int) []int {
	var out []int
	for bucket := 48; bucket <= 192; bucket += step {
		out = append(out, bucket)
	}
	return out
}

// durations is a classic cumulative histogram since the start. Counts are 64 bits: those of one
// second are 32, and 10,000 requests a second would overflow them in five days.
type durations struct {
	edges  []int
	counts []uint64 // counts[i] is of durations below edges[i]; cumulative
	total  uint64
	sum    time.Duration
}

func newDurations(edges []int) durations {
	return durations{edges: edges, counts: make([]uint64, len(edges))}
}

func (d *durations) add(h headroom.Histogram) {
	for bucket, n := range h.Counts {
		if n == 0 {
			continue
		}
		first, found := slices.BinarySearch(d.edges, bucket)
		if found {
			first++ // durations of this bucket are at or above that edge
		}
		for i := first; i < len(d.counts); i++ {
			d.counts[i] += uint64(n)
		}
	}
	d.total += h.Count
	d.sum += time.Duration(h.Sum)
}

// buckets gives the upper bounds in seconds with their cumulative counts, +Inf left out.
func (d *durations) buckets() map[float64]uint64 {
	out := make(map[float64]uint64, len(d.edges))
	for i, edge := range d.edges {
		out[headroom.HistogramBound(edge).Seconds()] = d.counts[i]
	}
	return out
}

// formatBound writes an upper bound as the le label has it.
func formatBound(seconds float64) string { return strconv.FormatFloat(seconds, 'g', -1, 64) }
