package headroom

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Validate says what is wrong with when requests are tried again.
func (r Retries) Validate(path string) []error {
	found := &findings{}
	for i, condition := range r.On {
		at := fmt.Sprintf("%s.on[%d]", path, i)
		if err := checkEnum(at, "connect,reset,timeout,malformed", string(condition)); err != nil {
			found.add(err)
			continue
		}
		if slices.Index(r.On, condition) < i {
			found.add(&InvalidError{Field: at, Value: strconv.Quote(string(condition)), Expected: "is given twice"})
		}
	}
	for i, status := range r.Statuses {
		if status < 400 || status > 599 {
			found.add(&InvalidError{Field: fmt.Sprintf("%s.statuses[%d]", path, i), Value: strconv.Itoa(status),
				Expected: "must be a status of an error, 400 to 599, such as 503"})
		}
	}
	if r.PerTryTimeout != 0 {
		found.add(between(path+".perTryTimeout", r.PerTryTimeout, time.Millisecond, 24*time.Hour)...)
	}
	if r.Attempts == 1 && r.PerTryTimeout > 0 {
		found.add(&InvalidError{Field: path + ".perTryTimeout", Value: strconv.Quote(r.PerTryTimeout.String()),
			Expected: "is of each try but the last, and attempts allows one only: set attempts to 2 or more, or timeouts.response instead"})
	}
	if r.Backoff.Base != 0 {
		found.add(between(path+".backoff.base", r.Backoff.Base, time.Millisecond, time.Minute)...)
		found.add(between(path+".backoff.max", r.Backoff.Max, time.Duration(r.Backoff.Base), 10*time.Minute)...)
	}
	found.add(checkTags(path, r)...)
	return found.errors
}

// Validate says what is wrong with when a second backend is asked.
func (h Hedging) Validate(path string) []error {
	found := &findings{}
	if h.Enabled {
		found.add(between(path+".minDelay", h.MinDelay, 100*time.Microsecond, time.Minute)...)
	}
	found.add(checkTags(path, h)...)
	return found.errors
}

// Validate says what is wrong with how much is taken at once.
func (o Overload) Validate(path string) []error {
	found := &findings{}
	if o.Adaptive.Enabled && o.Adaptive.MinLimit > o.Adaptive.MaxLimit {
		found.add(&InvalidError{Field: path + ".adaptive.minLimit", Value: strconv.Itoa(o.Adaptive.MinLimit),
			Expected: fmt.Sprintf("must not be above maxLimit, which is %d", o.Adaptive.MaxLimit)})
	}
	found.add(o.Priorities.validate(path+".priorities", o.MaxRequests > 0 || o.Adaptive.Enabled)...)
	found.add(checkTags(path, o)...)
	return found.errors
}

func (p RequestPriorities) validate(path string, limited bool) []error {
	found := &findings{}
	if len(p.Classes) > 0 && !limited {
		found.add(&InvalidError{Field: path + ".classes", Value: p.Classes[0].Name + ", …",
			Expected: "have shares of a limit, and there is none: set overload.maxRequests or overload.adaptive.enabled"})
	}
	if p.Header != "" && !isToken(p.Header) {
		found.add(&InvalidError{Field: path + ".header", Value: strconv.Quote(p.Header), Expected: `must be the name of a header field, such as "X-Priority"`})
	}
	if p.Header != "" && len(p.Classes) == 0 {
		found.add(&InvalidError{Field: path + ".classes", Expected: "must be given where a header names one of them, such as [{name: batch, percent: 60}]"})
	}
	for i, class := range p.Classes {
		at := fmt.Sprintf("%s.classes[%d]", path, i)
		if class.Name == "" || len(class.Name) > 64 {
			found.add(&InvalidError{Field: at + ".name", Value: quoteUnlessEmpty(class.Name), Expected: "must be a name of 1 to 64 characters"})
		}
		if p.Index(class.Name) < i {
			found.add(&InvalidError{Field: at + ".name", Value: strconv.Quote(class.Name), Expected: "is given twice"})
		}
		if i > 0 && class.Percent > p.Classes[i-1].Percent {
			found.add(&InvalidError{Field: at + ".percent", Value: strconv.Itoa(class.Percent),
				Expected: fmt.Sprintf("must not be above that of the more important class before it, which is %d", p.Classes[i-1].Percent)})
		}
	}
	if p.Default != "" && p.Index(p.Default) < 0 {
		found.add(&InvalidError{Field: path + ".default", Value: strconv.Quote(p.Default), Expected: "must be the name of one of the classes"})
	}
	return found.errors
}

// Index is the place of a class, or -1 where there is none of that name.
func (p RequestPriorities) Index(name string) int {
	return slices.IndexFunc(p.Classes, func(class RequestPriority) bool { return class.Name == name })
}

// validatePriorities finds routes whose priority is no class of the service.
func (l LoadBalancing) validatePriorities(path string) []error {
	found := &findings{}
	for i, route := range l.Routes {
		if route.Priority != "" && l.Overload.Priorities.Index(route.Priority) < 0 {
			found.add(&InvalidError{Field: fmt.Sprintf("%s.routes[%d].priority", path, i), Value: strconv.Quote(route.Priority),
				Expected: "must be the name of one of overload.priorities.classes"})
		}
	}
	return found.errors
}
