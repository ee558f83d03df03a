package role

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/simulate/backtest"
)

// gate tries changes of policies beside the loop: one at a time, on one core.
type gate struct {
	settings func(service string) (headroom.Service, error)
	query    func(ctx context.Context, expr string, from, to time.Time, step time.Duration) (headroom.QueryResult, error)
	now      func() time.Time
	// places are for requests that may be here at once: each may hold a load of 21 MB. running is for the one that has its turn.
	places, running chan struct{}
}

// gatesAtOnce is how many requests with a gate may be here, most of them in line.
const gatesAtOnce = 4

// gateLimit is how long an answer may take, below the minute after which clients give up. A month takes about 20 s of one core.
const gateLimit = 45 * time.Second

// seed of what is random in a gate: always the same, so that the same change gives the same answer.
const seed = 1

func newGate(settings func(string) (headroom.Service, error), monitor reader) *gate {
	return &gate{settings: settings, query: monitor.QueryRange, now: time.Now,
		places: make(chan struct{}, gatesAtOnce), running: make(chan struct{}, 1)}
}

// try is an api.Try.
func (g *gate) try(ctx context.Context, service string, policy headroom.ScalingPolicy, demand headroom.Gate) (api.Trial, error) {
	select {
	case g.places <- struct{}{}:
		defer func() { <-g.places }()
	default:
		return api.Trial{}, fmt.Errorf("%d backtests are under way or in line: %w", gatesAtOnce, api.ErrUnavailable)
	}
	limited, cancel := context.WithTimeout(ctx, gateLimit)
	defer cancel()
	select {
	case g.running <- struct{}{}:
		defer func() { <-g.running }()
	case <-limited.Done():
		return api.Trial{}, g.ended(ctx, demand)
	}
	trial, err := g.compare(limited, service, policy, demand)
	if err != nil && limited.Err() != nil {
		return api.Trial{}, g.ended(ctx, demand)
	}
	return trial, err
}

// ended says why there was no time left.
func (g *gate) ended(ctx context.Context, demand headroom.Gate) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	field, value := "gate.history", demand.History.String()
	if demand.Load != "" {
		field, value = "gate.load", ""
	}
	return &headroom.InvalidError{Field: field, Value: value, Expected: fmt.Sprintf("the backtest was not done within %s: give a shorter time, or try again when the machine has less to do", gateLimit)}
}

// compare runs both backtests, one after the other.
func (g *gate) compare(ctx context.Context, service string, policy headroom.ScalingPolicy, demand headroom.Gate) (api.Trial, error) {
	settings, err := g.settings(service)
	if err != nil {
		return api.Trial{}, err
	}
	inForce, notes := known(settings.Scaling)
	if unknown := unknownTo(settings.Scaling, policy); len(unknown) > 0 {
		return api.Trial{}, &headroom.InvalidError{Field: "gate", Expected: fmt.Sprintf(
			"cannot be demanded: the policy is on %s, which no recorded load has, so a backtest knows nothing of it; make it a shadow and compare it live", strings.Join(unknown, " and "))}
	}
	model, notesOfModel, err := modelOf(settings, demand)
	if err != nil {
		return api.Trial{}, err
	}
	load, notesOfLoad, err := g.load(ctx, service, demand)
	if err != nil {
		return api.Trial{}, err
	}
	report := headroom.GateReport{MoreOutside: demand.MoreOutside, MoreCost: demand.MoreCost, Notes: slices.Concat(notes, notesOfModel, notesOfLoad)}
	world := backtest.World{Service: service, Objective: settings.Objective, Model: model, Load: load, Seed: seed}
	for _, one := range []struct {
		policy headroom.Scaling
		result *headroom.GateResult
	}{{inForce, &report.Current}, {with(inForce, policy), &report.Proposed}} {
		world.Policy = one.policy
		made, err := backtest.Compare(ctx, world, nil, nil)
		if err != nil {
			return api.Trial{}, err
		}
		report.From, report.To, *one.result = made.From, made.To, resultOf(made.Results[0])
		for _, note := range made.Notes {
			if !slices.Contains(report.Notes, note) {
				report.Notes = append(report.Notes, note)
			}
		}
	}
	report.Judge()
	return api.Trial{Report: report, Current: settings.Scaling}, nil
}

// unknownTo are the signals of a policy of which no load says anything.
func unknownTo(scaling headroom.Scaling, policy headroom.ScalingPolicy) []string {
	return backtest.Unmodeled(headroom.Scaling{Signals: scaling.Signals, Policies: []headroom.ScalingPolicy{policy}})
}

// known leaves out of what is in force what no load says anything of: while a signal is unknown nothing shrinks, so that two sets of policies could hardly differ.
func known(scaling headroom.Scaling) (headroom.Scaling, []string) {
	var notes []string
	scaling.Policies = slices.Clone(scaling.Policies)
	for i := range scaling.Policies {
		policy := &scaling.Policies[i]
		if unknown := unknownTo(scaling, *policy); len(unknown) > 0 {
			policy.Shadow = true
			notes = append(notes, fmt.Sprintf("The policy %s is left out on both sides: it is on %s, which no recorded load has.", policy.Name, strings.Join(unknown, " and ")))
		}
	}
	if scaling.TargetMemoryUtilization > 0 {
		scaling.TargetMemoryUtilization = 0
		notes = append(notes, "targetMemoryUtilization is left out on both sides: no recorded load has the memory.")
	}
	return scaling, notes
}

// with puts a policy in the place of that of its name, or after all others.
func with(scaling headroom.Scaling, policy headroom.ScalingPolicy) headroom.Scaling {
	scaling.Policies = slices.Clone(scaling.Policies)
	at := slices.IndexFunc(scaling.Policies, func(other headroom.ScalingPolicy) bool { return other.Name == policy.Name })
	if at >= 0 {
		scaling.Policies[at] = policy
	} else {
		scaling.Policies = append(scaling.Policies, policy)
	}
	return scaling
}

// modelOf is the same for both: what is in force says what a replica does where the gate does not.
func modelOf(settings headroom.Service, demand headroom.Gate) (backtest.Model, []string, error) {
	given := backtest.Default()
	given.Capacity, given.Evenly = demand.Capacity, backtest.Evenly(settings.LoadBalancing.Algorithm)
	if demand.ServiceTime > 0 {
		given.ServiceTime = demand.ServiceTime
	}
	if demand.Boot > 0 {
		given.Boot = demand.Boot
	}
	if settings.Run != nil {
		given.StartTimeout = settings.Run.StartTimeout
	}
	if demand.Capacity == 0 && settings.Scaling.TargetRequestsPerSecond == 0 && settings.Scaling.TargetInFlight == 0 {
		return given, nil, &headroom.InvalidError{Field: "gate.capacity",
			Expected: "must be given, in requests per second of one replica: the service has neither targetRequestsPerSecond nor targetInFlight to derive it from"}
	}
	model, notes, err := given.Complete(settings.Scaling, backtest.PerSecond, 0)
	if err != nil {
		return given, nil, &headroom.InvalidError{Field: "gate", Expected: "has a model of the service that cannot be: " + err.Error()}
	}
	return model, notes, nil
}

// load is what the gate brings, or what the monitor has counted.
func (g *gate) load(ctx context.Context, service string, demand headroom.Gate) (backtest.Load, []string, error) {
	var notes []string
	field := "gate.load"
	series, err := backtest.ReadCSV(strings.NewReader(demand.Load))
	if demand.Load == "" {
		field = "gate.history"
		if series, err = g.history(ctx, service, time.Duration(demand.History)); err != nil {
			return backtest.Load{}, nil, err
		}
	}
	if err == nil {
		series, err = series.Rates(backtest.PerSecond, 1)
	}
	if err != nil {
		return backtest.Load{}, nil, &headroom.InvalidError{Field: field, Expected: err.Error()}
	}
	length := series[len(series)-1].At.Sub(series[0].At)
	if length < headroom.ShortestGate || length > headroom.LongestGate {
		return backtest.Load{}, nil, &headroom.InvalidError{Field: field, Expected: fmt.Sprintf("the load lasts %s: expected 1m to 31d of it", length.Round(time.Second))}
	}
	if asked := time.Duration(demand.History); demand.Load == "" && length < asked-asked/10 {
		notes = append(notes, fmt.Sprintf("Of the %s that were asked for, %s were measured.", demand.History, headroom.Duration(length.Round(time.Second))))
	}
	random := uint64(seed)
	load, err := series.Load(&random)
	return load, notes, err
}

// history is the requests that the monitor has counted.
func (g *gate) history(ctx context.Context, service string, length time.Duration) (backtest.Series, error) {
	step := backtest.StepFor(length, time.Second)
	// A rate needs two samples, which come each second.
	query := fmt.Sprintf("sum(rate(headroom_requests_total{service=%q}[%ds]))", service, max(int(step.Seconds()), 5))
	now := g.now()
	result, err := g.query(ctx, query, now.Add(-length), now, step)
	if err != nil {
		return nil, err
	}
	series, err := backtest.FromResult(result)
	if err != nil {
		return nil, &headroom.InvalidError{Field: "gate.history", Value: headroom.Duration(length).String(),
			Expected: "nothing was measured of the service in that time: wait, or give a load"}
	}
	return series, nil
}

func resultOf(r backtest.Result) headroom.GateResult {
	return headroom.GateResult{ReplicaHours: r.ReplicaHours, Cost: r.Cost, Requests: r.Requests, Outside: r.OutsideRequests, OutsideMinutes: r.OutsideMinutes,
		WorstRecovery: r.WorstRecovery, ScaleEvents: r.ScaleEvents, P95: r.P95}
}
