package proxy

import (
	"errors"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/guard"
)

// overload is how much a service and its backends take at once, made of the settings for the hot path.
type overload struct {
	headroom.Overload
	classes  []class // at least one
	fallback int     // place of the class of requests that name none
	byRoute  []int   // place of the class of each route by its number, -1 where it has none
}

// class is one priority of requests.
type class struct {
	name    string
	percent int
	shed    *atomic.Uint64 // requests turned away
}

// compileOverload returns nil where nothing is limited, so that such a service pays no more than a look.
func compileOverload(settings headroom.LoadBalancing) *overload {
	o := settings.Overload
	if o.MaxRequests == 0 && o.MaxPending == 0 && o.PerBackend == (headroom.BackendCeilings{}) && !o.Adaptive.Enabled {
		return nil
	}
	made := &overload{Overload: o}
	for _, c := range o.Priorities.Classes {
		made.classes = append(made.classes, class{name: c.Name, percent: c.Percent})
	}
	if len(made.classes) == 0 {
		made.classes = []class{{percent: 100}}
	}
	made.fallback = max(o.Priorities.Index(o.Priorities.Default), 0)
	made.byRoute = append(made.byRoute, -1)
	for _, route := range settings.Routes {
		made.byRoute = append(made.byRoute, o.Priorities.Index(route.Priority))
	}
	return made
}

// class is that of a request.
func (o *overload) class(x *exchange) *class {
	if x.door == x.view { // else the route is another service's, which sends some of its requests here
		if place := o.byRoute[x.route.Number]; place >= 0 {
			return &o.classes[place]
		}
	}
	if o.Priorities.Header != "" {
		if name, there := x.req.Field(o.Priorities.Header); there {
			for i := range o.classes {
				if o.classes[i].name == string(name) {
					return &o.classes[i]
				}
			}
		}
	}
	return &o.classes[o.fallback]
}

// limit is how many requests the service takes at once now; 0 is any number.
func (o *overload) limit(g *guards) int64 {
	limit := int64(o.MaxRequests)
	if adaptive := g.limit.Load(); o.Adaptive.Enabled && adaptive > 0 && (limit == 0 || adaptive < limit) {
		limit = adaptive
	}
	return limit
}

// admitLoad answers a request that there is no room for.
func (x *exchange) admitLoad(o *overload) (refused bool) {
	limit := o.limit(&x.service.guards)
	if limit == 0 {
		return false
	}
	class := o.class(x)
	if guard.Admits(x.service.traffic.inFlight.Load(), limit, class.percent) {
		return false
	}
	class.shed.Add(1)
	x.busy("service " + x.service.name + " has as many requests as it takes at once (overload)")
	return true
}

// busy answers that there is no room now: the client may try again.
func (x *exchange) busy(why string) {
	x.why, x.full = why, true
	x.answer(429, why)
}

// errFull says that a backend takes no more connections now. It speaks neither for nor against the backend.
var errFull = errors.New("as many connections or requests that wait for one as overload.perBackend or overload.maxPending allow")

// tooMany reports whether a backend whose place was just taken has more requests than it may have.
func (x *exchange) tooMany(b *backend) bool {
	o := x.view.overload
	if o == nil || o.PerBackend.MaxRequests == 0 || b.traffic.inFlight.Load() <= int64(o.PerBackend.MaxRequests) {
		return false
	}
	x.full = true
	return true
}

// pend counts a request among those that wait for a connection to a backend, unless there are too many, or too many connections. endPend ends that.
func (x *exchange) pend(b *backend, connections int) error {
	o := x.view.overload
	if o == nil {
		return nil
	}
	if most := o.PerBackend.MaxConnections; most > 0 && connections >= most {
		return errFull
	}
	all, own := x.service.guards.pending.Add(1), b.pending.Add(1)
	if o.MaxPending > 0 && all > int64(o.MaxPending) || o.PerBackend.MaxPending > 0 && own > int64(o.PerBackend.MaxPending) {
		x.endPend(b)
		return errFull
	}
	return nil
}

func (x *exchange) endPend(b *backend) {
	if x.view.overload == nil {
		return
	}
	x.service.guards.pending.Add(-1)
	b.pending.Add(-1)
}

// sampleLatency keeps a time to first byte for the adaptive limit.
func (x *exchange) sampleLatency() {
	if o := x.view.overload; o != nil && o.Adaptive.Enabled && x.headAt.After(x.attemptAt) {
		x.service.guards.samples.Add(1)
		x.service.guards.firstByte.Add(int64(x.headAt.Sub(x.attemptAt)))
	}
}

// adapt brings the adaptive limit up to date, where enough was seen. It is called every sampleEvery, with the server's lock held.
func (g *guards) adapt(settings headroom.AdaptiveLimit, inFlight int64) {
	if !settings.Enabled {
		g.limit.Store(0)
		g.gradient = guard.Gradient{}
		return
	}
	g.mostInFlight = max(g.mostInFlight, inFlight)
	if g.ticks++; g.ticks < adaptTicks || g.samples.Load() < adaptSamples {
		return
	}
	n, sum := g.samples.Swap(0), g.firstByte.Swap(0)
	g.limit.Store(g.gradient.Sample(settings, time.Duration(sum)/time.Duration(n), g.mostInFlight))
	g.ticks, g.mostInFlight = 0, 0
}

const (
	adaptTicks   = 2  // of sampleEvery: ten samples a second, as the averages of guard.Gradient count them
	adaptSamples = 10 // requests in one, fewer wait for more
)
