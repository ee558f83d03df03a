package scaling

import (
	"strconv"

	"headroom.dev/headroom"
)

// Question is all that a decision depends on, so that a policy can be tried without anything that runs.
type Question struct {
	Policy      headroom.Scaling     `json:"policy" doc:"as scaling: of a service in the config, with the same defaults" example:"{maxReplicas: 20, targetCPUUtilization: 70}"`
	Observation headroom.Observation `json:"observation" partial:"true" doc:"what is known at one instant; service and at must be given" example:"{service: shop, at: '2026-01-31T12:00:00Z'}"`
	State       headroom.ScalerState `json:"state,omitzero" partial:"true" doc:"what the decision before answered with; without it, it is the first one" example:"{wanted: 2}"`
}

// Answer is a decision, and the state of the next question.
type Answer struct {
	Decision headroom.Decision    `json:"decision"`
	State    headroom.ScalerState `json:"state"`
}

// Validate says what is wrong with a question; paths begin with the given one.
func (q Question) Validate(path string) []error {
	if path != "" {
		path += "."
	}
	errs := q.Policy.Validate(path + "policy")
	if len(errs) == 0 {
		errs = Check(path+"policy", q.Policy)
	}
	if q.Observation.Service == "" {
		errs = append(errs, &headroom.InvalidError{Field: path + "observation.service", Expected: `must be given, such as "shop"`})
	}
	if q.Observation.At.IsZero() {
		errs = append(errs, &headroom.InvalidError{Field: path + "observation.at", Expected: `must be given, such as "2026-01-31T12:00:00Z": a decision depends on when it is made`})
	}
	for _, counted := range []struct {
		name  string
		count *int
	}{
		{"observation.replicas.ready", q.Observation.Replicas.Ready}, {"observation.replicas.starting", q.Observation.Replicas.Starting},
		{"observation.replicas.warming", &q.Observation.Replicas.Warming}, {"state.wanted", &q.State.Wanted},
	} {
		if counted.count != nil && (*counted.count < 0 || *counted.count > mostReplicas) {
			errs = append(errs, &headroom.InvalidError{Field: path + counted.name, Value: strconv.Itoa(*counted.count),
				Expected: "must be from 0 to " + strconv.Itoa(mostReplicas)})
		}
	}
	return errs
}

// Answer decides. A question that Validate finds nothing wrong with is answered the same each time.
func (q Question) Answer(id string) Answer {
	decision, state := Decide(id, q.Policy, q.Observation, q.State)
	return Answer{decision, state}
}
