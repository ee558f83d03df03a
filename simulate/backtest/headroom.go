package backtest

import (
	"fmt"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// own is the user's policy, decided by what decides live.
type own struct {
	compiled *scaling.Compiled
	state    headroom.ScalerState
	changes  int
	name     string
	each     func(headroom.Decision) // gets each decision that changes the number; nil for none
}

// Own tries the policy itself. Decisions that change the number are passed on with their sentences, each as it would have been recorded live.
func Own(w World, each func(headroom.Decision)) (Autoscaler, error) {
	compiled, err := scaling.Compile(w.Policy)
	if err != nil {
		return nil, fmt.Errorf("the policy of %s: %w", w.Service, err)
	}
	return &own{compiled: compiled, name: w.Service, each: each}, nil
}

func (o *own) Begin(given int) int { return given }

func (o *own) Next(now *Second) int {
	before := o.state
	d, state := o.compiled.DecideQuietly("", now.Observation, before)
	o.state = state
	if d.To == d.From || o.each == nil || !before.Decided() {
		return o.wanted(now)
	}
	o.changes++
	d.ID, d.Observation = fmt.Sprintf("%s-b%d", o.name, o.changes), kept(now.Observation)
	told, _ := scaling.Replay(d) // the sentences, which were left out
	o.each(told)
	return o.wanted(now)
}

// wanted keeps what there is until the first decision is made.
func (o *own) wanted(now *Second) int {
	if !o.state.Decided() {
		return now.Wanted
	}
	return o.state.Wanted
}
