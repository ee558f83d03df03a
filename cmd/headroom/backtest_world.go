package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/config"
	"headroom.dev/headroom/simulate/backtest"
)

// backtestWorld is what the flags, the config file and what was measured say. The notes say what was learned and assumed.
func (a *app) backtestWorld(ctx context.Context, f backtestFlags) (backtest.World, []string, error) {
	var world backtest.World
	loaded, err := a.loadConfig()
	if err != nil {
		return world, nil, err
	}
	name, service, err := chooseService(loaded.Config.Services, f.service)
	if err != nil {
		return world, nil, err
	}
	world = backtest.World{Service: name, Policy: service.Scaling, Objective: service.Objective, Seed: f.seed}
	if f.objective != "" {
		if world.Objective, err = parseObjective(f.objective, service.Objective); err != nil {
			return world, nil, err
		}
	}
	model, err := a.givenModel(f, service)
	if err != nil {
		return world, nil, err
	}
	if f.fromHistory == "" {
		if world.Load, err = a.backtestLoad(ctx, f); err != nil {
			return world, nil, err
		}
		return completed(world, f, model, backtest.Learned{})
	}
	past, err := a.newPast(f, name)
	if err != nil {
		return world, nil, err
	}
	if world.Load, err = past.load(ctx, f); err != nil {
		return world, nil, err
	}
	if world.Begin, err = past.replicas(ctx); err != nil {
		return world, nil, err
	}
	if f.model != "" || f.given("capacity") && f.given("service-time") {
		return completed(world, f, model, backtest.Learned{})
	}
	history, err := past.history(ctx)
	if err != nil {
		return world, nil, err
	}
	history.Evenly = model.Evenly
	learned, err := backtest.Learn(history)
	if err != nil {
		return world, nil, err
	}
	return completed(world, f, learned.Over(model), learned)
}

// completed is a world with a model in which flags have the last word.
func completed(world backtest.World, f backtestFlags, model backtest.Model, learned backtest.Learned) (backtest.World, []string, error) {
	unit := backtest.Unit(f.unit)
	if f.fromHistory != "" {
		unit = backtest.PerSecond // the monitor counts requests
	}
	model, notes, err := f.change(model).Complete(world.Policy, unit, learned.AtLeast)
	if err != nil {
		return world, nil, usagef("headroom backtest --help shows the flags of the model", "%s", err)
	}
	world.Model = model
	return world, append(learned.Notes, notes...), nil
}

// givenModel is that of a file, or what is taken where nothing is known, for a service.
func (a *app) givenModel(f backtestFlags, service headroom.Service) (backtest.Model, error) {
	model := backtest.Default()
	if f.model != "" {
		name, text, err := a.readInput(f.model)
		if err != nil {
			return model, fmt.Errorf("--model: %w", err)
		}
		model = backtest.Model{}
		return model, config.Read(name, "", text, &model)
	}
	if service.Run != nil {
		model.StartTimeout = service.Run.StartTimeout
	}
	model.Evenly = backtest.Evenly(service.LoadBalancing.Algorithm)
	return model, nil
}

// change sets what flags say. A single number has no spread.
func (f backtestFlags) change(m backtest.Model) backtest.Model {
	if f.given("capacity") {
		m.Capacity, m.Curve = f.capacity, nil
	}
	if f.given("service-time") {
		m.ServiceTime, m.ServiceTimes = headroom.Duration(f.serviceTime), nil
	}
	if f.given("boot") {
		m.Boot, m.Boots = headroom.Duration(f.boot), nil
	}
	if f.given("platform-delay") {
		m.PlatformDelay, m.PlatformDelays = headroom.Duration(f.platformDelay), nil
	}
	if f.given("cpu-at-capacity") {
		m.CPUAtCapacity = f.cpuAtCapacity
	}
	if f.given("start-failures") {
		m.StartFailures = f.startFailures
	}
	return m
}

// backtestLoad is a load that is given in requests per second, or can be made so.
func (a *app) backtestLoad(ctx context.Context, f backtestFlags) (backtest.Load, error) {
	last, err := optionalDuration("last", f.last)
	if err != nil {
		return backtest.Load{}, err
	}
	var series backtest.Series
	if f.load != "" {
		file, openErr := os.Open(f.load)
		if openErr != nil {
			return backtest.Load{}, fmt.Errorf("--load: %w", openErr)
		}
		defer file.Close()
		series, err = backtest.ReadCSV(file)
	} else {
		if last == 0 {
			last = 7 * 24 * time.Hour
		}
		client := &http.Client{Timeout: time.Minute}
		defer client.CloseIdleConnections()
		series, err = backtest.QueryPrometheus(ctx, client, f.prometheus, f.query, a.now().Add(-last), a.now())
	}
	if err != nil {
		return backtest.Load{}, err
	}
	return f.spread(series.Last(last), backtest.Unit(f.unit))
}

// spread makes seconds of a series.
func (f backtestFlags) spread(series backtest.Series, unit backtest.Unit) (backtest.Load, error) {
	rates, err := series.Rates(unit, f.scale)
	if err != nil {
		return backtest.Load{}, usagef("headroom backtest --help explains the load", "%s", err)
	}
	if !f.noise {
		return rates.Load(nil)
	}
	return rates.Load(&f.seed)
}
