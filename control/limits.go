package control

import "headroom.dev/headroom"

// rateLimits says what there is to know of the limits of a service, from what the balancer reported of a window of so many seconds.
func rateLimits(balancing headroom.LoadBalancing, measured []headroom.RateLimitMeasurement, window float64) (all []headroom.RateLimitStatus) {
	add := func(path string, limits []headroom.RateLimit) {
		for _, limit := range limits {
			status := headroom.RateLimitStatus{RateLimit: limit, Path: path, MostLimited: []headroom.LimitedKey{}}
			for _, m := range measured {
				if m.Limit != limit.Name || window <= 0 {
					continue
				}
				perSecond := func(n uint64) *float64 { return new(float64(n) / window) }
				status.AllowedPerSecond, status.LimitedPerSecond = perSecond(m.Counts.Allowed), perSecond(m.Counts.Limited)
				status.FallbackPerSecond, status.UncountedPerSecond = perSecond(m.Counts.Fallback), perSecond(m.Counts.Unknown)
				status.MostLimited = append(status.MostLimited, m.Most...)
			}
			all = append(all, status)
		}
	}
	add("", balancing.RateLimits)
	for _, route := range balancing.Routes {
		add(route.Path, route.RateLimits)
	}
	return all
}
