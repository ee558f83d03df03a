package main

import (
	"fmt"
	"maps"
	"slices"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/proxy"
	"headroom.dev/headroom/monitoring/metrics"
	"headroom.dev/headroom/scaling"
	"headroom.dev/headroom/simulate/load"
)

// checkConfig finds what the config room cannot: the grammars of queries, load shapes and expressions are those of other rooms.
func checkConfig(config headroom.Config) []error {
	var errs []error
	for i, rule := range config.Monitoring.Alerts {
		if err := metrics.CheckQuery(rule.Expr); rule.Expr != "" && err != nil {
			errs = append(errs, &headroom.InvalidError{Field: fmt.Sprintf("monitoring.alerts[%d].expr", i), Expected: "must be PromQL: " + err.Error()})
		}
	}
	if config.Load != nil && config.Load.Shape != "" {
		if _, err := load.Parse(config.Load.Shape); err != nil {
			errs = append(errs, &headroom.InvalidError{Field: "load.shape", Expected: err.Error()})
		}
	}
	errs = append(errs, scaling.Check("scaling", config.Scaling)...)
	for _, name := range slices.Sorted(maps.Keys(config.Services)) {
		errs = append(errs, scaling.Check("services."+name+".scaling", config.Services[name].Scaling)...)
		errs = append(errs, proxy.CheckRateLimits("services."+name+".loadBalancing", config.Services[name].LoadBalancing)...)
	}
	return errs
}
