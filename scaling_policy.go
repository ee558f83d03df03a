package headroom

// ScalingPolicy proposes a number of replicas, or abstains. It is of one kind: a threshold (metric, threshold, action, step), or the one of the
// blocks that is given.
type ScalingPolicy struct {
	Name string `json:"name" doc:"unique among the policies of a service; a word without dots and slashes" example:"cpu-scaling"`

	Metric    Metric          `json:"metric,omitempty" doc:"of a threshold: what is compared, per replica, averaged over stableWindow" example:"cpu"`
	Threshold float64         `json:"threshold,omitempty" minimum:"0" maximum:"1000000000000" doc:"in the metric's unit" example:"70"`
	Action    ThresholdAction `json:"action,omitempty" enum:"scale-up,scale-down" doc:"which way to step: up above the threshold, down below it" example:"scale-up"`
	Step      int             `json:"step,omitempty" default:"1" minimum:"1" maximum:"1000" doc:"of a threshold: how many replicas to add or remove at once"`

	Target      *TargetPolicy      `json:"target,omitempty" doc:"keeps a signal at a target" example:"{metric: queue, averageValue: 30}"`
	Steps       *StepPolicy        `json:"steps,omitempty" doc:"adds or removes replicas by how far a signal is from where it should be" example:"{metric: cpu, steps: [{from: 70, add: 1}, {from: 90, add: 4}, {until: 30, add: -1}]}"`
	Schedule    *SchedulePolicy    `json:"schedule,omitempty" doc:"a number of replicas at some times" example:"{from: '0 8 * * 1-5', until: '0 18 * * 1-5', replicas: 6}"`
	Concurrency *ConcurrencyPolicy `json:"concurrency,omitempty" doc:"Knative's autoscaler: requests in flight per replica, over a stable and a panic window" example:"{target: 10}"`
	Rule        *RulePolicy        `json:"rule,omitempty" doc:"a condition and what to do, in CEL" example:"{when: 'signal.queue.total > 1000 && hour >= 8', replicas: 'current + 2'}"`
	Formula     *FormulaPolicy     `json:"formula,omitempty" doc:"a number made from several signals, in CEL, that is kept at a target" example:"{value: 'signal.queue.total + 2 * signal.lag.total', target: 30}"`
	Kubernetes  *KubernetesPolicy  `json:"kubernetes,omitempty" doc:"the metrics of a HorizontalPodAutoscaler, decided exactly as Kubernetes does; headroom policy import writes it" example:"{metrics: [{type: Resource, name: cpu, targetType: Utilization, target: 60}]}"`

	Weight float64 `json:"weight,omitempty" minimum:"0" maximum:"1000000" doc:"with combine weighted: how much it counts beside the others; 1 where not given" example:"2"`
	Shadow bool    `json:"shadow,omitempty" doc:"it is computed and shown, and decides nothing" example:"true"`
}

// ThresholdAction is what a threshold policy does.
type ThresholdAction string

// The actions of threshold policies.
const (
	ActionScaleUp   ThresholdAction = "scale-up"
	ActionScaleDown ThresholdAction = "scale-down"
)

// PolicyKind is what a policy is.
type PolicyKind string

// The kinds of policies, named as their blocks.
const (
	KindThreshold   PolicyKind = "threshold"
	KindTarget      PolicyKind = "target"
	KindSteps       PolicyKind = "steps"
	KindSchedule    PolicyKind = "schedule"
	KindConcurrency PolicyKind = "concurrency"
	KindRule        PolicyKind = "rule"
	KindFormula     PolicyKind = "formula"
	KindKubernetes  PolicyKind = "kubernetes"
)

// Kinds lists the kinds of which the policy has something; a valid one has exactly one.
func (p ScalingPolicy) Kinds() []PolicyKind {
	var kinds []PolicyKind
	for _, k := range [...]struct {
		kind  PolicyKind
		given bool
	}{
		{KindThreshold, p.Metric != "" || p.Action != "" || p.Threshold != 0},
		{KindTarget, p.Target != nil}, {KindSteps, p.Steps != nil}, {KindSchedule, p.Schedule != nil},
		{KindConcurrency, p.Concurrency != nil}, {KindRule, p.Rule != nil}, {KindFormula, p.Formula != nil},
		{KindKubernetes, p.Kubernetes != nil},
	} {
		if k.given {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

// Kind is the policy's only kind; a threshold where it has none.
func (p ScalingPolicy) Kind() PolicyKind {
	if kinds := p.Kinds(); len(kinds) > 0 {
		return kinds[len(kinds)-1]
	}
	return KindThreshold
}

// TargetPolicy is target tracking. Of the three values exactly one is given.
type TargetPolicy struct {
	Metric       Metric  `json:"metric" doc:"a built-in metric, or one of signals" example:"queue"`
	Utilization  float64 `json:"utilization,omitempty" minimum:"0" maximum:"1000" doc:"percent of what a replica has; for cpu and memory" example:"70"`
	AverageValue float64 `json:"averageValue,omitempty" minimum:"0" maximum:"1000000000000" doc:"the total divided by the replicas; for what adds up" example:"30"`
	Value        float64 `json:"value,omitempty" minimum:"0" maximum:"1000000000000" doc:"the value itself; replicas change in proportion to it; for what does not add up, such as an age or a latency" example:"200"`
	// Tolerance is a pointer since 0 means something.
	Tolerance *float64 `json:"tolerance,omitempty" minimum:"0" maximum:"1" doc:"in place of scaling.tolerance" example:"0.05"`
}

// StepPolicy is step scaling: the step in whose band the value lies is taken, once per stable window.
type StepPolicy struct {
	Metric Metric `json:"metric" doc:"what is compared, per replica, averaged over stableWindow" example:"cpu"`
	Steps  []Step `json:"steps" doc:"bands that do not overlap; between them nothing changes" example:"[{from: 70, add: 1}, {until: 30, add: -1}]"`
}

// Step is one band of values: from (inclusive) until (exclusive). One without from begins at 0, one without until has no end; a step that adds with
// neither would always be taken.
type Step struct {
	From       *float64 `json:"from,omitempty" minimum:"0" maximum:"1000000000000" doc:"least value" example:"70"`
	Until      *float64 `json:"until,omitempty" minimum:"0" maximum:"1000000000000" doc:"values below this" example:"90"`
	Add        int      `json:"add,omitempty" minimum:"-1000" maximum:"1000" doc:"replicas to add, or to remove where negative" example:"2"`
	AddPercent float64  `json:"addPercent,omitempty" minimum:"-100" maximum:"1000" doc:"the same in percent of the wanted replicas; at least one" example:"50"`
}

// Window is when something holds: from each time that the one cron expression names until the next that the other does.
type Window struct {
	From     string   `json:"from" doc:"cron expression: minute, hour, day of month, month, day of week" example:"0 8 * * 1-5"`
	Until    string   `json:"until" doc:"cron expression of its end" example:"0 18 * * 1-5"`
	TimeZone string   `json:"timeZone,omitempty" doc:"in place of scaling.timeZone" example:"Europe/Berlin"`
	Except   []string `json:"except,omitempty" doc:"days on which it does not hold: dates, ranges of dates, or names of calendars" example:"[holidays, 2027-03-01]"`
	Only     []string `json:"only,omitempty" doc:"days on which alone it holds" example:"['2026-11-27..2026-11-30']"`
}

// SchedulePolicy proposes a number while its window holds, and abstains otherwise.
type SchedulePolicy struct {
	Window
	Replicas int `json:"replicas" minimum:"0" maximum:"1000" doc:"proposed while the window holds" example:"6"`
}

// BoundsWindow replaces the bounds of a service while it holds.
type BoundsWindow struct {
	Name string `json:"name" doc:"shown where it binds" example:"office"`
	Window
	MinReplicas *int `json:"minReplicas,omitempty" minimum:"0" maximum:"1000" doc:"in place of scaling.minReplicas" example:"5"`
	MaxReplicas *int `json:"maxReplicas,omitempty" minimum:"1" maximum:"1000" doc:"in place of scaling.maxReplicas" example:"50"`
}

// ConcurrencyPolicy is Knative's pod autoscaler, with its names and defaults.
type ConcurrencyPolicy struct {
	Metric            Metric   `json:"metric" default:"in-flight" enum:"in-flight,requests-per-second" doc:"what is kept at the target"`
	Target            float64  `json:"target" minimum:"0.01" maximum:"1000000" doc:"per replica" example:"100"`
	TargetUtilization float64  `json:"targetUtilization" default:"70" minimum:"1" maximum:"100" doc:"percent of the target to aim at"`
	StableWindow      Duration `json:"stableWindow" default:"60s" doc:"6s to 1h" example:"60s"`
	PanicWindow       float64  `json:"panicWindow" default:"10" minimum:"1" maximum:"100" doc:"percent of the stable window"`
	PanicThreshold    float64  `json:"panicThreshold" default:"200" minimum:"110" maximum:"1000" doc:"percent of the ready replicas' capacity at which panic begins"`
	MaxScaleUpRate    float64  `json:"maxScaleUpRate" default:"1000" minimum:"1.01" maximum:"1000000" doc:"most times the ready replicas in one step"`
	MaxScaleDownRate  float64  `json:"maxScaleDownRate" default:"2" minimum:"1.01" maximum:"1000000" doc:"the ready replicas are divided by at most this in one step"`
	ActivationScale   int      `json:"activationScale" default:"1" minimum:"1" maximum:"1000" doc:"least replicas where there are any"`
	ScaleDownDelay    Duration `json:"scaleDownDelay" default:"0s" doc:"the largest number of this window holds; 0s to 1h" example:"5m"`
}

// RulePolicy proposes the value of an expression while a condition holds. Both are CEL; see docs/policies.md for what they can use.
type RulePolicy struct {
	When     string `json:"when" doc:"condition; the rule abstains where it is false" example:"signal.queue.total > 1000 && hour >= 8"`
	Replicas string `json:"replicas" doc:"replicas to propose; fractions are rounded up" example:"current + 2"`
}

// FormulaPolicy makes one value of several signals and keeps it at a target, as KEDA's scalingModifiers do.
type FormulaPolicy struct {
	Value  string  `json:"value" doc:"CEL expression of the value" example:"signal.queue.total + 2 * signal.lag.total"`
	Target float64 `json:"target" minimum:"0.000001" maximum:"1000000000000" doc:"what the value should be" example:"30"`
	Type   string  `json:"type" default:"averageValue" enum:"averageValue,value" doc:"the value is divided by the replicas, or compared as it is"`
}

// KubernetesPolicy is what a HorizontalPodAutoscaler decides by, exactly: integer truncation, readiness rules, its sync period, its behavior.
type KubernetesPolicy struct {
	Metrics    []KubernetesMetric `json:"metrics" doc:"the largest proposal wins" example:"[{type: Resource, name: cpu, targetType: Utilization, target: 60}]"`
	Behavior   *Behavior          `json:"behavior,omitempty" doc:"without it the number at most doubles at each step (to at least 4), and falls after 5 minutes" example:"{scaleDown: {stabilizationWindow: 1m}}"`
	SyncPeriod Duration           `json:"syncPeriod" default:"15s" doc:"how often it decides; 1s to 10m" example:"15s"`
}

// KubernetesMetric is one entry of spec.metrics.
type KubernetesMetric struct {
	Type       string  `json:"type" enum:"Resource,ContainerResource,Pods,Object,External" doc:"kind of the metric in Kubernetes"`
	Name       Metric  `json:"name" doc:"a built-in metric, or one of signals" example:"cpu"`
	TargetType string  `json:"targetType" enum:"Utilization,AverageValue,Value" doc:"what target means"`
	Target     float64 `json:"target" minimum:"0.001" maximum:"1000000000000" doc:"percent for Utilization, else in the metric's unit" example:"60"`
}

// Behavior is how fast the number may change, per direction, as in a HorizontalPodAutoscaler.
type Behavior struct {
	ScaleUp   BehaviorRules `json:"scaleUp" doc:"of more replicas"`
	ScaleDown BehaviorRules `json:"scaleDown" doc:"of fewer replicas"`
}

// BehaviorRules limit one direction.
type BehaviorRules struct {
	StabilizationWindow *Duration    `json:"stabilizationWindow,omitempty" doc:"the most cautious number of this window is taken; up to 1h" example:"5m"`
	Policies            []RatePolicy `json:"policies,omitempty" doc:"most change in a period" example:"[{type: percent, value: 10, period: 60s}]"`
	Select              string       `json:"select,omitempty" enum:"max,min,disabled" doc:"which of the policies counts: the one that allows the most (max, where not given), the least; or no change this way at all"`
	Tolerance           *float64     `json:"tolerance,omitempty" minimum:"0" maximum:"1" doc:"in place of scaling.tolerance for this direction" example:"0.05"`
}

// RatePolicy limits how many replicas are added or removed in a period.
type RatePolicy struct {
	Type   string   `json:"type" enum:"replicas,percent" doc:"what value counts"`
	Value  int      `json:"value" minimum:"1" maximum:"1000000" doc:"so many replicas, or percent of those at the beginning of the period" example:"4"`
	Period Duration `json:"period" doc:"1s to 30m" example:"60s"`
}
