package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// DecisionList is a list of decisions, newest first.
type DecisionList struct {
	Decisions []headroom.Decision `json:"decisions" nullable:"false"`
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
		summary:     "Decisions, newest first",
		description: "Each with all that it was made from.",
		response:    DecisionList{[]headroom.Decision{exampleDecision()}},
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
	decisions, err := newest(s, headroom.EntryDecision, in.ListInput, func() take[headroom.Decision] {
		return func(_ headroom.Entry, decision headroom.Decision) bool {
			return !in.Changes || decision.From != decision.To
		}
	})
	return &body[DecisionList]{DecisionList{decisions}}, err
}

func (s *server) decision(id string) (headroom.Decision, error) {
	var decision headroom.Decision
	entries, err := s.store.Journal(headroom.JournalQuery{Kind: headroom.EntryDecision, ID: id, Limit: 1, Newest: true})
	if err != nil {
		return decision, fmt.Errorf("read decision %s: %w", id, err)
	}
	if len(entries) == 0 {
		return decision, &headroom.UnknownNameError{Kind: "decision", Name: clip(id)}
	}
	if err := json.Unmarshal(entries[0].Data, &decision); err != nil {
		return decision, fmt.Errorf("read decision %s: %w", id, err)
	}
	return decision, nil
}
