package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// decidedHere is the ID of a decision that nobody acts on.
const decidedHere = "decide"

func (s *server) registerDecide(api huma.API) {
	register(s, api, operation{
		method: http.MethodPost, path: "/api/scaling/decide", id: "decide", tag: tagDecisions,
		summary: "Decide once, and act on nothing",
		description: "The same function that decides each second, for a policy, an observation and a state that are given: to try a policy. " +
			"The policy is as scaling: of a service in the config, with the same defaults. The answer has the decision and the state of the next question.",
		request: exampleQuestion(), response: exampleAnswer(),
	}, s.decide)
}

func (s *server) decide(_ context.Context, in *struct {
	ChangeInput
	Body input[scaling.Question]
}) (*body[scaling.Answer], error) {
	question, err := in.Body.read(s)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(question.Validate("body")...); err != nil {
		return nil, err
	}
	return &body[scaling.Answer]{question.Answer(decidedHere)}, nil
}

func exampleQuestion() map[string]any {
	return map[string]any{
		"policy":      map[string]any{"minReplicas": 2, "maxReplicas": 10, "targetCPUUtilization": 70},
		"observation": exampleObservation(),
		"state":       headroom.ScalerState{Wanted: 2},
	}
}

// exampleAnswer: 184 % in all at a target of 70 % are 2.63, so 3 replicas.
func exampleAnswer() scaling.Answer {
	return scaling.Answer{Decision: exampleDecision(), State: headroom.ScalerState{Wanted: 3, LastUp: exampleTime()}}
}
