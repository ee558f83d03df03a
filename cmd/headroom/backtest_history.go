package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api/client"
	"headroom.dev/headroom/simulate/backtest"
)

const (
	// counted is the longest load of which each second is asked for: 86,400 points are 4 MB of JSON. Of a longer one steps are.
	counted = 24 * time.Hour
	// shortest and longest are how long the pieces are over which latencies are added up: a hundred of a short history, to tell calm from busy.
	shortest, longest = 2 * time.Second, 10 * time.Second
	// chunk is how many points of a series are asked for at once; Prometheus gives 11,000 at most.
	chunk = 10_000
	// detailed is how long each second of each replica is looked at, and piece how long the pieces are which are chosen for that from a longer history.
	detailed, piece = 2 * time.Hour, 5 * time.Minute
	// mostDetail bounds the seconds of replicas that are asked for: 200,000 are 20 MB of JSON.
	mostDetail = 200_000
	// halfSecond is when the monitor is asked for a second that has ended: what the balancer reports is stored a few milliseconds after it.
	halfSecond = 500 * time.Millisecond
)

// past is what the monitor of a running headroom has stored of a service.
type past struct {
	remote   *client.Client
	service  string
	from, to time.Time
}

func (a *app) newPast(f backtestFlags, service string) (*past, error) {
	length, err := optionalDuration("from-history", f.fromHistory)
	if err != nil {
		return nil, err
	}
	if last, err := optionalDuration("last", f.last); err != nil {
		return nil, err
	} else if last > 0 {
		length = min(length, last)
	}
	remote, err := a.connect()
	if err != nil {
		return nil, err
	}
	to := a.now().Truncate(time.Second).Add(-halfSecond)
	return &past{remote: remote, service: service, from: to.Add(-length), to: to}, nil
}

// of is a metric of the service.
func (p *past) of(metric string) string { return fmt.Sprintf("%s{service=%q}", metric, p.service) }

// load is the requests that arrived, second by second. A history that is longer than can be asked for so is spread over seconds.
func (p *past) load(ctx context.Context, f backtestFlags) (backtest.Load, error) {
	length := p.to.Sub(p.from)
	step := time.Second
	if length > counted {
		step = backtest.StepFor(length, time.Second)
	}
	// What was stored by a headroom that did not count arrivals yet has the requests that ended.
	result, err := p.series(ctx, fmt.Sprintf("%s or sum(%s)", p.of("headroom_request_arrivals_total"), p.of("headroom_requests_total")), p.from, p.to, step)
	if err != nil {
		return backtest.Load{}, err
	}
	counts, err := backtest.Counts(result, step)
	if err != nil {
		return backtest.Load{}, err
	}
	p.from = counts[0].At.Add(halfSecond) // there is nothing before
	if step > time.Second {
		return f.spread(counts, backtest.PerInterval)
	}
	return counts.Seconds(f.scale)
}

// series asks for a range in as many parts as it takes.
func (p *past) series(ctx context.Context, query string, from, to time.Time, step time.Duration) (headroom.QueryResult, error) {
	var all headroom.QueryResult
	for !from.After(to) {
		end := from.Add((chunk - 1) * step)
		if end.After(to) {
			end = to
		}
		part, err := p.remote.QueryRange(ctx, query, from, end, step)
		if err != nil {
			return all, err
		}
		all.Series = append(all.Series, part.Series...)
		from = end.Add(step)
	}
	return all, nil
}

// history is what a model can be learned from.
func (p *past) history(ctx context.Context) (backtest.History, error) {
	var h backtest.History
	pieces, err := p.pieces(ctx)
	if err != nil || len(pieces) == 0 {
		return h, err
	}
	stretch := min(max((pieces[0].to.Sub(pieces[0].from)/100).Truncate(time.Second), shortest), longest)
	operations, err := p.remote.Operations(ctx, client.ListOptions{Service: p.service, Limit: maxListed, Since: p.from.Format(time.RFC3339Nano)}, false)
	if err != nil {
		return h, err
	}
	h.Starts = backtest.Growths(operations)
	for _, at := range pieces {
		var results [9]headroom.QueryResult
		for i, one := range []struct {
			query string
			step  time.Duration
		}{
			{p.of("headroom_request_duration_seconds_count"), stretch}, {p.of("headroom_request_duration_seconds_sum"), stretch},
			{p.of("headroom_request_duration_seconds_bucket"), stretch},
			{fmt.Sprintf("avg_over_time(%s[%s])", p.of("headroom_replicas_ready"), stretch), stretch},
			{fmt.Sprintf("sum by (backend) (%s)", p.of("headroom_backend_requests_total")), time.Second},
			{p.of("headroom_backend_requests_in_flight"), time.Second}, {p.of("headroom_request_arrivals_total"), time.Second},
			{p.of("headroom_requests_in_flight"), time.Second}, {p.of("headroom_replicas_ready"), time.Second},
		} {
			if results[i], err = p.series(ctx, one.query, at.from, at.to, one.step); err != nil {
				return h, err
			}
		}
		h.Stretches = append(h.Stretches, backtest.StretchesOf(results[0], results[1], results[2], results[3], stretch)...)
		h.Seconds = append(h.Seconds, backtest.MeasuredOf(results[6], results[7], results[8], operations)...)
		h.Replicas = append(h.Replicas, backtest.ReplicaSecondsOf(results[4], results[5])...)
	}
	return h, nil
}

// replicas is how many were wanted at the beginning; 0 where that is not known.
func (p *past) replicas(ctx context.Context) (int, error) {
	result, err := p.remote.Query(ctx, p.of("headroom_replicas_desired"), p.from)
	if found := points(result); err == nil && len(found) > 0 {
		return int(*found[0].Value), nil
	}
	return 0, err
}

// span is a part of the past.
type span struct{ from, to time.Time }

// pieces is what is looked at in detail: all of a short history, and of a long one three quarters where most was in flight, for the capacity, and one where least.
func (p *past) pieces(ctx context.Context) ([]span, error) {
	replicas, err := p.series(ctx, fmt.Sprintf("max_over_time(%s[%s])", p.of("headroom_replicas_ready"), piece), p.from, p.to.Add(piece), piece)
	if err != nil {
		return nil, err
	}
	most := 1.0
	for _, point := range points(replicas) {
		most = max(most, *point.Value)
	}
	allowed := min(detailed, time.Duration(mostDetail/most)*time.Second)
	if p.to.Sub(p.from) <= allowed {
		return []span{{p.from, p.to}}, nil
	}
	inFlight, err := p.series(ctx, fmt.Sprintf("max_over_time(%s[%s])", p.of("headroom_requests_in_flight"), piece), p.from.Add(piece), p.to, piece)
	if err != nil {
		return nil, err
	}
	busy := slices.DeleteFunc(points(inFlight), func(point headroom.Point) bool { return *point.Value <= 0 })
	slices.SortStableFunc(busy, func(x, y headroom.Point) int {
		switch {
		case *x.Value > *y.Value:
			return -1
		case *x.Value < *y.Value:
			return 1
		}
		return 0
	})
	count := max(int(allowed/piece), 4)
	if len(busy) > count {
		busy = append(busy[:count*3/4], busy[len(busy)-count/4:]...)
	}
	spans := make([]span, len(busy))
	for i, point := range busy {
		spans[i] = span{point.At.Add(-piece), point.At}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	return spans, nil
}

// points are those of all series that have a value.
func points(r headroom.QueryResult) []headroom.Point {
	var all []headroom.Point
	for _, one := range r.Series {
		all = append(all, slices.DeleteFunc(slices.Clone(one.Points), func(p headroom.Point) bool { return p.Value == nil })...)
	}
	return all
}
