package hpa

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// at is a time in seconds after noon.
func at(seconds float64) time.Time {
	return noon.Add(time.Duration(seconds * float64(time.Second)))
}

func wide() Bounds { return Bounds{Min: 1, Max: 1000} }

// rules allow what one policy does, without a window.
func rules(kind RateType, value int, period time.Duration) Rules {
	return Rules{Select: SelectMax, Policies: []RatePolicy{{Type: kind, Value: value, Period: period}}}
}

func TestStabilizationWindows(t *testing.T) {
	free := rules(RatePercent, 1000, 15*time.Second)
	all := rules(RatePercent, 100, 15*time.Second)
	up, down := free, all
	up.StabilizationWindow, down.StabilizationWindow = 60*time.Second, 300*time.Second
	type ask struct {
		second            float64
		recommended, want int
		stabilization     Reason
	}
	for name, c := range map[string]struct {
		b     Behavior
		first int
		asks  []ask
	}{
		"without a window up it rises at once": {Behavior{free, down}, 5, []ask{{0, 9, 9, ReasonReadyForNewScale}}},
		"up takes the lowest of the window": {Behavior{up, down}, 5, []ask{
			{0, 9, 5, ReasonScaleUpStabilized},  // the number at first sight counts as a recommendation
			{30, 8, 5, ReasonScaleUpStabilized}, // 5, 9, 8
			{59, 9, 5, ReasonScaleUpStabilized}, //
			{60, 9, 8, ReasonScaleUpStabilized}, // what is exactly 60 s old is out: 8, 9, 9
			{90, 9, 9, ReasonReadyForNewScale},  // the 8 of second 30 is out
		}},
		"down takes the highest of the window": {Behavior{free, down}, 10, []ask{
			{0, 4, 10, ReasonScaleDownStabilized},
			{60, 7, 10, ReasonScaleDownStabilized},
			{120, 5, 10, ReasonScaleDownStabilized},
			{299, 3, 10, ReasonScaleDownStabilized},
			{300, 3, 7, ReasonScaleDownStabilized}, // the 10 of first sight is out
			{360, 3, 5, ReasonScaleDownStabilized}, // the 7 is out
			{420, 3, 3, ReasonReadyForNewScale},
		}},
		"between the windows nothing changes": {Behavior{up, down}, 6, []ask{
			{0, 6, 6, ReasonReadyForNewScale},
			{10, 9, 6, ReasonScaleUpStabilized},
			{20, 3, 6, ReasonScaleDownStabilized},
		}},
	} {
		state, current := State{}.Seen(c.first, noon), c.first
		for _, a := range c.asks {
			var l Limits
			l, state = c.b.Normalize(current, a.recommended, wide(), state, at(a.second))
			current = l.Replicas
			if l.Stabilized != a.want || l.Stabilization != a.stabilization {
				t.Errorf("%s, second %v: %+v; want %d, %s", name, a.second, l, a.want, a.stabilization)
			}
		}
	}
}

func TestRatePolicies(t *testing.T) {
	minute := time.Minute
	both := func(how Select) Rules {
		return Rules{Select: how, Policies: []RatePolicy{{RatePods, 4, minute}, {RatePercent, 10, minute}}}
	}
	none := Rules{Select: SelectDisabled, Policies: []RatePolicy{{RatePods, 4, minute}}}
	for name, c := range map[string]struct {
		b             Behavior
		ups, downs    []Change
		current, wish int
		want          int
		limit         Reason
	}{
		"4 pods a minute":              {Behavior{ScaleUp: rules(RatePods, 4, minute)}, nil, nil, 10, 100, 14, ReasonScaleUpLimit},
		"of which 3 are used":          {Behavior{ScaleUp: rules(RatePods, 4, minute)}, []Change{{3, at(-59), false}}, nil, 10, 100, 11, ReasonScaleUpLimit},
		"all used keeps it":            {Behavior{ScaleUp: rules(RatePods, 4, minute)}, []Change{{9, at(-59), false}}, nil, 10, 100, 10, ReasonScaleUpLimit},
		"a minute later they are back": {Behavior{ScaleUp: rules(RatePods, 4, minute)}, []Change{{3, at(-60), false}}, nil, 10, 100, 14, ReasonScaleUpLimit},
		"what was taken away may return": {Behavior{ScaleUp: rules(RatePods, 4, minute)}, nil, []Change{{5, at(-30), false}}, 10, 100, 19,
			ReasonScaleUpLimit}, // 15 when the minute began, and 4
		"percent of the start":        {Behavior{ScaleUp: rules(RatePercent, 100, minute)}, []Change{{4, at(-30), false}}, nil, 10, 100, 12, ReasonScaleUpLimit},
		"percent are rounded up":      {Behavior{ScaleUp: rules(RatePercent, 1, minute)}, nil, nil, 10, 100, 11, ReasonScaleUpLimit},
		"max takes 4 of 4 and 1":      {Behavior{ScaleUp: both(SelectMax)}, nil, nil, 10, 100, 14, ReasonScaleUpLimit},
		"min takes 1 of 4 and 1":      {Behavior{ScaleUp: both(SelectMin)}, nil, nil, 10, 100, 11, ReasonScaleUpLimit},
		"up is disabled":              {Behavior{ScaleUp: none}, nil, nil, 10, 100, 10, ReasonScaleUpLimit},
		"less than allowed":           {Behavior{ScaleUp: rules(RatePods, 4, minute)}, nil, nil, 10, 13, 13, ReasonDesiredWithinRange},
		"the maximum binds first":     {Behavior{ScaleUp: rules(RatePercent, 900, minute)}, nil, nil, 100, 1001, 1000, ReasonTooManyReplicas},
		"4 pods a minute down":        {Behavior{ScaleDown: rules(RatePods, 4, minute)}, nil, nil, 10, 2, 6, ReasonScaleDownLimit},
		"of which 3 are used down":    {Behavior{ScaleDown: rules(RatePods, 4, minute)}, nil, []Change{{3, at(-59), false}}, 10, 2, 9, ReasonScaleDownLimit},
		"all used keeps it down too":  {Behavior{ScaleDown: rules(RatePods, 4, minute)}, nil, []Change{{9, at(-59), false}}, 10, 2, 10, ReasonScaleDownLimit},
		"what was added may go":       {Behavior{ScaleDown: rules(RatePods, 4, minute)}, []Change{{5, at(-59), false}}, nil, 10, 1, 1, ReasonDesiredWithinRange},
		"percent are cut":             {Behavior{ScaleDown: rules(RatePercent, 1, minute)}, nil, nil, 10, 2, 9, ReasonScaleDownLimit}, // 9.9
		"max takes 4 of 4 and 1 down": {Behavior{ScaleDown: both(SelectMax)}, nil, nil, 10, 2, 6, ReasonScaleDownLimit},
		"min takes 1 of 4 and 1 down": {Behavior{ScaleDown: both(SelectMin)}, nil, nil, 10, 2, 9, ReasonScaleDownLimit},
		"down is disabled":            {Behavior{ScaleDown: none}, nil, nil, 10, 2, 10, ReasonScaleDownLimit},
		"the minimum binds first":     {Behavior{ScaleDown: rules(RatePercent, 100, minute)}, nil, nil, 10, 0, 1, ReasonTooFewReplicas},
	} {
		l, _ := c.b.Normalize(c.current, c.wish, wide(), State{ScaleUps: c.ups, ScaleDowns: c.downs}, noon)
		if l.Replicas != c.want || l.Limit != c.limit {
			t.Errorf("%s: %+v; want %d, %s", name, l, c.want, c.limit)
		}
	}
}

func TestTheDefaultsLetALoadGrowAsTheDocumentationSays(t *testing.T) {
	b := Behavior{ScaleUp: DefaultScaleUp(defaults), ScaleDown: DefaultScaleDown(defaults)}
	state, current, got := State{}.Seen(1, noon), 1, []int{}
	for i := range 5 {
		var l Limits
		l, state = b.Normalize(current, 100, wide(), state, at(float64(15*i)))
		state = state.Rescaled(b, current, l.Replicas, at(float64(15*i)))
		current = l.Replicas
		got = append(got, current)
	}
	// 4 more, then 4 or 100 %, whichever is more, every 15 s.
	if want := []int{5, 10, 20, 40, 80}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWithoutBehaviorTheNumberDoublesAtEachStep(t *testing.T) {
	spec := Spec{Bounds: wide(), Metrics: []Metric{{Source: External, Name: "queue", Type: AverageValue, Target: 1}}, Controller: defaults}
	var state State
	current, got := 1, []int{}
	for i := range 4 {
		var d Decision
		d, state = Step(spec, []Proposed{{Proposal: Proposal{Replicas: 100}}}, current, state, at(float64(i)))
		current = d.Replicas
		got = append(got, current)
	}
	if want := []int{4, 8, 16, 32}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(state.ScaleUps) != 0 {
		t.Errorf("changes are remembered, though no rate policy looks at them: %v", state.ScaleUps)
	}
}

func TestWithoutBehaviorARecommendationAsOldAsTheWindowStillHolds(t *testing.T) {
	spec := Spec{Bounds: wide(), Metrics: []Metric{queueMetric}, Controller: defaults}
	_, state := Step(spec, proposed(10), 10, State{}, noon)
	for seconds, want := range map[float64]int{300: 10, 300.001: 2} {
		if d, _ := Step(spec, proposed(2), 10, state, at(seconds)); d.Replicas != want {
			t.Errorf("after %v s: %+v, want %d", seconds, d, want)
		}
	}
}

func TestAClockThatIsSetBackHoldsNothingForLonger(t *testing.T) {
	b := Behavior{ScaleUp: rules(RatePods, 4, time.Minute), ScaleDown: rules(RatePercent, 100, time.Minute)}
	b.ScaleDown.StabilizationWindow = 5 * time.Minute
	_, state := b.Normalize(10, 20, wide(), State{}.Seen(10, noon), noon)
	state = state.Rescaled(b, 10, 14, noon)
	back := noon.Add(-24 * time.Hour)
	l, state := b.Normalize(14, 20, wide(), state, back)
	if l.Replicas != 18 {
		t.Errorf("a change of tomorrow counts: %+v, want 18", l)
	}
	if l, _ = b.Normalize(14, 5, wide(), state, back.Add(5*time.Minute)); l.Replicas != 5 {
		t.Errorf("a recommendation of tomorrow holds: %+v, want 5", l)
	}
}

func TestANewChangeTakesThePlaceOfTheLastThatIsOutdated(t *testing.T) {
	b := Behavior{ScaleUp: rules(RatePods, 4, time.Minute), ScaleDown: rules(RatePods, 4, 10*time.Minute)}
	state := State{ScaleUps: []Change{{1, at(-200), false}, {2, at(-100), false}, {3, at(-60), false}}}
	first := state.Rescaled(b, 10, 14, noon) // what is exactly as old as the period is not outdated
	want := []Change{{1, at(-200), true}, {4, noon, false}, {3, at(-60), false}}
	if !slices.Equal(first.ScaleUps, want) {
		t.Errorf("%v, want %v", first.ScaleUps, want)
	}
	// Of the 2 that gave way the policy of scaling down, which looks back for ten minutes, no longer knows: 14-1-4-3.
	if start := b.ScaleDown.Policies[0].start(14, first, noon); start != 6 {
		t.Errorf("it started from %d, want 6", start)
	}
	second := State{ScaleUps: want[1:]}.Rescaled(b, 14, 15, noon)
	if want := append(slices.Clone(want[1:]), Change{1, noon, false}); !slices.Equal(second.ScaleUps, want) {
		t.Errorf("%v, want %v", second.ScaleUps, want)
	}
	if state.ScaleUps[0].Outdated || state.ScaleUps[1].Replicas != 2 {
		t.Errorf("the state that it was given has changed: %v", state.ScaleUps)
	}
}

func TestTheStateIsBoundedAndPlain(t *testing.T) {
	b := Behavior{ScaleUp: rules(RatePods, 4, time.Minute), ScaleDown: rules(RatePods, 4, time.Minute)}
	b.ScaleUp.StabilizationWindow, b.ScaleDown.StabilizationWindow = time.Minute, 5*time.Minute
	state, current := State{}.Seen(10, noon), 10
	for i := range 10000 {
		var l Limits
		now := at(float64(i))
		l, state = b.Normalize(current, 10+i*7919%13, wide(), state, now) // all of 10 to 22, over and over
		state = state.Rescaled(b, current, l.Replicas, now)
		current = l.Replicas
	}
	if len(state.Lowest) > 13 || len(state.Highest) > 13 || len(state.ScaleUps) > 61 || len(state.ScaleDowns) > 61 {
		t.Errorf("it grows: %d, %d, %d, %d", len(state.Lowest), len(state.Highest), len(state.ScaleUps), len(state.ScaleDowns))
	}
	text, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	var read State
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	one, _ := b.Normalize(current, 3, wide(), state, at(10000))
	other, _ := b.Normalize(current, 3, wide(), read, at(10000))
	if one != other {
		t.Errorf("it decides otherwise after JSON: %+v and %+v", one, other)
	}
}

func TestSettingsThatHPARefusesAreNamed(t *testing.T) {
	good := func() Spec {
		b := Behavior{ScaleUp: DefaultScaleUp(defaults), ScaleDown: DefaultScaleDown(defaults)}
		m := Metric{Source: Resource, Name: "cpu", Type: Utilization, Target: 80}
		return Spec{Bounds: wide(), Metrics: []Metric{m}, Behavior: &b, Controller: defaults}
	}
	if err := good().Validate(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Spec){
		"min -1: expected 0 or more":                                                           func(s *Spec) { s.Min = -1 },
		"max 0: expected at least 1 and at least min 1, at most 2147483647":                    func(s *Spec) { s.Max = 0 },
		"metrics is empty: expected at least one":                                              func(s *Spec) { s.Metrics = nil },
		"min 0: expected a metric of source Object or External, which exists without replicas": func(s *Spec) { s.Min = 0 },
		`metrics[0]: type "Value" of the Resource metric "cpu": expected AverageValue (of anything), Utilization (of resources) or Value (of Object and External)`: func(s *Spec) { s.Metrics[0].Type = Value },
		`metrics[0]: target 0 of the Resource metric "cpu": expected 1 or more`:                                                                                    func(s *Spec) { s.Metrics[0].Target = 0 },
		"scaleUp.stabilizationWindow 2h0m0s: expected 0s to 1h0m0s":                                                                                                func(s *Spec) { s.Behavior.ScaleUp.StabilizationWindow = 2 * time.Hour },
		"scaleDown.policies is empty: expected at least one":                                                                                                       func(s *Spec) { s.Behavior.ScaleDown.Policies = nil },
		"scaleUp.policies[1].value 0: expected 1 or more":                                                                                                          func(s *Spec) { s.Behavior.ScaleUp.Policies[1].Value = 0 },
		`scaleDown.select "max": expected Max, Min or Disabled`:                                                                                                    func(s *Spec) { s.Behavior.ScaleDown.Select = "max" },
	} {
		spec := good()
		spoil(&spec)
		if err := spec.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
