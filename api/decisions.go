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

// DecisionList is a list of decisions, newest first.
type DecisionList struct {
	Decisions []record.Listed `json:"decisions" nullable:"false"`
}

type decisionID struct {
	ID string `path:"id" maxLength:"200" doc:"of the decision" example:"shop-1767225600-1"`
}

// plainText is an answer for people.
type plainText struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        []byte
}

func (s *server) registerDecisions(api huma.API) {
	register(s, api, operation{
		method: http.MethodGet, path: "/api/scaling/decisions", id: "list-decisions", tag: tagDecisions,
		summary: "Decisions, newest first",
		description: "Each with all that it was made from. Consecutive ones that say the same and change nothing are one entry: the first of them, how many they are " +
			"(count), and when the last was made (last).",
		response: DecisionList{[]record.Listed{{Decision: exampleDecision(), Count: 1, Last: exampleTime()}}},
	}, s.decisions)
	register(s, api, operation{
		method: http.MethodGet, path: "/api/scaling/decisions/{id}", id: "get-decision", tag: tagDecisions,
		summary:     "One decision",
		description: "With the policy, the observation and the state that it was made from.",
		response:    exampleDecision(), problems: []string{"unknown-name"},
	}, func(_ context.Context, in *decisionID) (*body[headroom.Decision], error) {
		decision, err := s.decision(in.ID)
		return &body[headroom.Decision]{decision}, err
	})
	register(s, api, operation{
		method: http.MethodGet, path: "/api/scaling/decisions/{id}/explanation", id: "explain-decision", tag: tagDecisions,
		summary:     "One decision in sentences and numbers",
		description: "The inputs, what each target and policy proposed, which rule bound, and what would have been without it.",
		media:       "text/plain", response: exampleExplanation, problems: []string{"unknown-name"},
	}, func(_ context.Context, in *decisionID) (*plainText, error) {
		decision, err := s.decision(in.ID)
		if err != nil {
			return nil, err
		}
		return &plainText{"text/plain; charset=utf-8", []byte(scaling.Explain(decision))}, nil
	})
}

func (s *server) decisions(_ context.Context, in *struct {
	ListInput
	Changes bool `query:"changes" doc:"only those that changed the number of replicas"`
}) (*body[DecisionList], error) {
	decisions, err := s.listDecisions(in.ListInput, in.Changes)
	return &body[DecisionList]{DecisionList{decisions}}, err
}

// listDecisions lists what has been gathered and then what is in the journal, newest first.
func (s *server) listDecisions(in ListInput, changes bool) ([]record.Listed, error) {
	since, err := parseSince(in.Since, s.now())
	if err != nil {
		return nil, err
	}
	before, until := time.Time{}, time.Time{}
	if in.Before != "" {
		if before, err = parseMoment("query.before", in.Before, s.now()); err != nil {
			return nil, err
		}
		// Entries have the time of the newest decision in them, so the first in one may be this much older.
		until = before.Add(record.Longest + time.Second)
	}
	found := []record.Listed{}
	list := func(kept *record.Record) {
		for _, listed := range slices.Backward(kept.List()) {
			late, early := !before.IsZero() && !listed.At.Before(before), kept.Run != nil && listed.Last.Before(since)
			if !late && !early {
				found = append(found, listed)
			}
		}
	}
	if !changes {
		for _, kept := range s.control.Gathered(in.Service) {
			list(&kept)
		}
	}
	gathered := len(found)
	const most = 20_000 // as in newest
	for read := in.Limit; ; read = min(read*10, most) {
		entries, err := s.store.Journal(headroom.JournalQuery{Kind: headroom.EntryDecision, Service: in.Service, Since: since, Until: until,
			Limit: read, Newest: true})
		if err != nil {
			return nil, fmt.Errorf("read the decisions in the journal: %w", err)
		}
		found = found[:gathered]
		for _, entry := range slices.Backward(entries) {
			if len(found) >= in.Limit {
				break
			}
			var kept record.Record
			if err := json.Unmarshal(entry.Data, &kept); err != nil {
				return nil, fmt.Errorf("read entry %d of the journal: %w", entry.Seq, err)
			}
			if !changes || kept.From != kept.To {
				list(&kept)
			}
		}
		if len(found) >= in.Limit || len(entries) < read || read == most {
			slices.SortStableFunc(found, func(a, b record.Listed) int { return b.At.Compare(a.At) })
			return found[:min(len(found), in.Limit)], nil
		}
	}
}

// decision finds one by its ID: in the journal, or among those that changed nothing, which have the time in their ID.
func (s *server) decision(id string) (headroom.Decision, error) {
	entries, err := s.store.Journal(headroom.JournalQuery{Kind: headroom.EntryDecision, ID: id, Limit: 1, Newest: true})
	if err != nil {
		return headroom.Decision{}, fmt.Errorf("read decision %s: %w", id, err)
	}
	if service, at, timed := record.MadeAt(id); len(entries) == 0 && timed {
		for _, kept := range s.control.Gathered(service) {
			if decision, found := kept.Named(id); found {
				return decision, nil
			}
		}
		entries, err = s.store.Journal(headroom.JournalQuery{Kind: headroom.EntryDecision, Service: service,
			Since: at.Add(-time.Second), Until: at.Add(record.Longest + time.Second)})
		if err != nil {
			return headroom.Decision{}, fmt.Errorf("read decision %s: %w", id, err)
		}
	}
	for _, entry := range entries {
		var kept record.Record
		if err := json.Unmarshal(entry.Data, &kept); err != nil {
			return headroom.Decision{}, fmt.Errorf("read decision %s: %w", id, err)
		}
		if decision, found := kept.Named(id); found {
			return decision, nil
		}
	}
	return headroom.Decision{}, &headroom.UnknownNameError{Kind: "decision", Name: clip(id)}
}
