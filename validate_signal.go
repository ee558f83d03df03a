package headroom

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// signalName is what rules can write behind "signal.": letters, digits, underscores; and dashes, which rules write as signal["a-b"].
var signalName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_-]{0,62}$`)

func (s SignalFrom) validate(path string, name Metric) []error {
	found := &findings{}
	switch {
	case slices.Contains(Metrics(), name):
		found.add(&InvalidError{Field: path, Expected: fmt.Sprintf("%s is a built-in metric: choose another name", name)})
	case !signalName.MatchString(string(name)):
		found.add(&InvalidError{Field: path, Expected: "a signal's name is of letters, digits, underscores and dashes, begins with a letter, and has at most 63 of them"})
	}
	sources := []string{}
	for source, given := range map[string]bool{"promql": s.PromQL != nil, "http": s.HTTP != nil, "command": s.Command != nil,
		"external": s.External != nil, "pushed": s.Pushed != nil, "cron": s.Cron != nil} {
		if given {
			sources = append(sources, source)
		}
	}
	if slices.Sort(sources); len(sources) != 1 {
		expected := "must say where it comes from, with one of promql, http, command, external, pushed, cron"
		if len(sources) > 1 {
			expected = "comes from one source, and this one has " + strings.Join(sources, " and ") + ": make a signal of each"
		}
		found.add(&InvalidError{Field: path, Expected: expected})
	}
	found.add(between(path+".every", s.Every, time.Second, time.Hour)...)
	found.add(between(path+".staleAfter", s.StaleAfter, time.Second, 24*time.Hour)...)
	if s.StaleAfter < s.Every {
		found.add(&InvalidError{Field: path + ".staleAfter", Value: strconv.Quote(s.StaleAfter.String()),
			Expected: fmt.Sprintf("must be at least every, which is %s: else the signal would be unknown most of the time", s.Every)})
	}
	if f := s.Fallback; f.Replicas == 0 && (f.Behavior == "static" || strings.HasPrefix(f.Behavior, "current-if")) {
		found.add(&InvalidError{Field: path + ".fallback.replicas", Expected: fmt.Sprintf("must be given for the behavior %s, such as 6", f.Behavior)})
	}
	if s.PromQL != nil && s.PromQL.URL != "" {
		found.add(validURL(path+".promql.url", s.PromQL.URL)...)
	}
	if s.HTTP != nil {
		found.add(validURL(path+".http.url", s.HTTP.URL)...)
	}
	if s.External != nil {
		if _, _, err := net.SplitHostPort(s.External.Address); err != nil {
			found.add(&InvalidError{Field: path + ".external.address", Value: strconv.Quote(s.External.Address), Expected: `must be host:port, such as "scaler:9090"`})
		}
	}
	return found.errors
}

func validURL(path, text string) []error {
	u, err := url.Parse(text)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		return nil
	}
	return []error{&InvalidError{Field: path, Value: strconv.Quote(text), Expected: `must be an address with http or https, such as "http://127.0.0.1:9090/stats"`}}
}
