package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
	"headroom.dev/headroom/scaling/record"
)

// Explanation is a decision, and what it says to a person.
type Explanation struct {
	Text     string            `json:"text" doc:"in sentences and numbers, several lines of at most 100 columns" example:"shop: from 2 to 3 replicas (scale-up)\n"`
	Decision headroom.Decision `json:"decision" doc:"what the text is about, with all that it was made from"`
}

// Moment names a service at a time.
type Moment struct {
	Service string `query:"service" required:"true" minLength:"1" maxLength:"253" doc:"name of the service" example:"shop"`
	At      string `query:"at" maxLength:"64" doc:"the decision in force then: a time such as 2026-01-31T12:00:00Z, Unix seconds, or a duration before now such as 10m; now where not given" example:"10m"`
}

func (s *server) registerExplanations(api huma.API) {
	register(s, api, operation{
		method: http.MethodGet, path: "/api/scaling/explain", id: "explain-service", tag: tagDecisions,
		summary: "The decision in force at a time, explained",
		description: "One is made each second; those that change nothing are made again from what is kept of them, and of the minute before a power cut or " +
			"a kill there may be none. With replicas it is the newest decision until then that changed the number to that one.",
		response: Explanation{exampleExplanation, exampleDecision()}, problems: []string{"unknown-name"},
	}, s.explain)
	register(s, api, operation{
		method: http.MethodGet, path: "/api/scaling/why-not", id: "explain-other-number", tag: tagDecisions,
		summary:     "Why a service did not have another number of replicas at a time",
		description: "What stood against it, and the load, the bounds or the time that it would take.",
		response:    Explanation{exampleWhyNot, exampleDecision()}, problems: []string{"unknown-name"},
	}, s.whyNot)
}

func (s *server) explain(_ context.Context, in *struct {
	Moment
	Replicas int `query:"replicas" default:"-1" minimum:"-1" maximum:"1000" doc:"explain why there came to be so many; -1 is any number" example:"4"`
}) (*body[Explanation], error) {
	decision, err := s.inForce(in.Moment, in.Replicas)
	return &body[Explanation]{Explanation{scaling.Explain(decision), decision}}, err
}

func (s *server) whyNot(_ context.Context, in *struct {
	Moment
	Replicas int `query:"replicas" required:"true" minimum:"0" maximum:"1000" doc:"the number that it did not have" example:"20"`
}) (*body[Explanation], error) {
	decision, err := s.inForce(in.Moment, -1)
	return &body[Explanation]{Explanation{scaling.WhyNot(decision, in.Replicas), decision}}, err
}

// inForce finds the newest decision of a service until a time; where replicas is not negative, the newest that changed the number to it.
func (s *server) inForce(in Moment, replicas int) (headroom.Decision, error) {
	at, err := parseMoment("query.at", in.At, s.now())
	if err != nil {
		return headroom.Decision{}, err
	}
	statuses, err := s.control.Status(in.Service)
	if err != nil {
		return headroom.Decision{}, err
	}
	wanted := func(d headroom.Decision) bool {
		return !d.At.After(at) && (replicas < 0 || d.To == replicas && d.From != d.To)
	}
	for _, status := range statuses {
		for _, newest := range []*headroom.Decision{status.LastDecision, status.LastChange} {
			if newest != nil && wanted(*newest) && (replicas >= 0 || newest == status.LastDecision) {
				return full(*newest), nil
			}
		}
	}
	of := func(kept *record.Record) (headroom.Decision, bool) {
		if replicas >= 0 {
			return kept.Decision, wanted(kept.Decision)
		}
		return kept.InForce(at)
	}
	for _, kept := range s.control.Gathered(in.Service) {
		if decision, found := of(&kept); found {
			return decision, nil
		}
	}
	decision, found, err := s.recorded(in.Service, at, of)
	switch {
	case err != nil:
		return decision, err
	case found:
		return decision, nil
	case replicas >= 0:
		return decision, &headroom.UnknownNameError{Kind: "decision of " + in.Service + " for", Name: fmt.Sprintf("%d replicas", replicas)}
	default:
		return decision, &headroom.UnknownNameError{Kind: "decision of " + in.Service + " until", Name: at.Format(time.RFC3339)}
	}
}

// recorded looks through the journal, newest first, at ten times more entries each time, and at 20 000 at most.
func (s *server) recorded(service string, at time.Time, of func(*record.Record) (headroom.Decision, bool)) (decision headroom.Decision, found bool, err error) {
	// An entry has the time of the newest decision in it, and is written a moment after: with a second to spare it is among
	// what is read.
	until := at.Add(record.Longest + time.Second)
	const first, most = 20, 20_000
	for read := first; ; read = min(read*10, most) {
		entries, err := s.store.Journal(headroom.JournalQuery{Kind: headroom.EntryDecision, Service: service, Until: until, Limit: read, Newest: true})
		if err != nil {
			return decision, false, fmt.Errorf("read the decisions of %s: %w", service, err)
		}
		for _, entry := range slices.Backward(entries) {
			var kept record.Record
			if err := json.Unmarshal(entry.Data, &kept); err != nil {
				return decision, false, fmt.Errorf("read entry %d of the journal: %w", entry.Seq, err)
			}
			if decision, found := of(&kept); found {
				return decision, true, nil
			}
		}
		if len(entries) < read || read == most {
			return headroom.Decision{}, false, nil
		}
	}
}

// full writes the sentences of a decision that was made without.
func full(d headroom.Decision) headroom.Decision {
	if d.Reason != "" {
		return d
	}
	again, _ := scaling.Replay(d)
	return again
}
