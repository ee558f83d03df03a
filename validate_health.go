package headroom

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// validateConditions says which conditions of a health check no answer could meet, or would be asked of nobody.
func (h HealthCheck) validateConditions(path string) []error {
	found := &findings{}
	for i, text := range h.Statuses {
		if _, ok := ParseStatusRange(text); !ok {
			found.add(&InvalidError{Field: fmt.Sprintf("%s.statuses[%d]", path, i), Value: strconv.Quote(text),
				Expected: `must be a status or a range of them from 100 to 599, such as "204" or "200-299"`})
		}
	}
	if _, err := regexp.Compile(h.BodyMatches); err != nil {
		found.add(&InvalidError{Field: path + ".bodyMatches", Value: strconv.Quote(h.BodyMatches),
			Expected: fmt.Sprintf("must be a regular expression (RE2): %v", err)})
	}
	for name := range h.Headers {
		if !isToken(name) {
			found.add(&InvalidError{Field: path + ".headers", Value: strconv.Quote(name), Expected: `must be the name of a header field, such as "X-Ready"`})
		}
	}
	conditions := len(h.Statuses) > 0 || h.BodyContains != "" || h.BodyMatches != "" || len(h.Headers) > 0
	asks := h.Type == HealthCheckHTTP || h.Type == HealthCheckAuto || h.Type == ""
	if conditions && !asks {
		found.add(&InvalidError{Field: path + ".type", Value: strconv.Quote(string(h.Type)),
			Expected: "statuses, bodyContains, bodyMatches and headers are conditions of answers by HTTP: set type to http, or remove them"})
	}
	return append(found.errors, h.validateCommand(path+".command")...)
}

// validateCommand says what is wrong with the program of a health check.
func (h HealthCheck) validateCommand(path string) []error {
	switch {
	case h.Type == HealthCheckCommand && (len(h.Command) == 0 || h.Command[0] == ""):
		return []error{&InvalidError{Field: path, Expected: `must be given for type command, such as ["/usr/lib/check_app", "{{address}}"]`}}
	case h.Type != HealthCheckCommand && len(h.Command) > 0:
		return []error{&InvalidError{Field: path, Value: strconv.Quote(strings.Join(h.Command, " ")),
			Expected: "is run for type command alone: set healthCheck.type to command, or remove it"}}
	}
	return nil
}

// Validate says what is wrong with when backends are ejected.
func (o OutlierDetection) Validate(path string) []error {
	found := &findings{}
	if o.Enabled {
		found.add(between(path+".interval", o.Interval, 100*time.Millisecond, time.Hour)...)
		found.add(between(path+".ejectionTime", o.EjectionTime, time.Millisecond, 24*time.Hour)...)
		found.add(between(path+".maxEjectionTime", o.MaxEjectionTime, time.Duration(o.EjectionTime), 7*24*time.Hour)...)
		found.add(between(path+".latencyMargin", o.LatencyMargin, 0, time.Hour)...)
	}
	if o.LatencyFactor > 0 && o.LatencyFactor < 1.1 {
		found.add(&InvalidError{Field: path + ".latencyFactor", Value: strconv.FormatFloat(o.LatencyFactor, 'f', -1, 64),
			Expected: "must be 1.1 or more, or 0 for none: backends are always a little slower or faster than their median"})
	}
	found.add(checkTags(path, o)...)
	return found.errors
}

// Validate says what is wrong with how a share grows.
func (s SlowStart) Validate(path string) []error {
	found := &findings{}
	found.add(between(path+".window", s.Window, 0, time.Hour)...)
	found.add(checkTags(path, s)...)
	return found.errors
}
