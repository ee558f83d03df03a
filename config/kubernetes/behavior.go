package kubernetes

import (
	"fmt"
	"math/big"

	"headroom.dev/headroom"
)

func index(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }

// behavior reads how fast the number may change. What is not given stays so: HPA's defaults are laid under it where decisions are made. No behavior
// at all is something else than an empty one.
func behavior(b *block) *headroom.Behavior {
	if b == nil {
		return nil
	}
	made := &headroom.Behavior{ScaleUp: rules(b.block("scaleUp")), ScaleDown: rules(b.block("scaleDown"))}
	b.done("autoscaling/v2")
	return made
}

func rules(b *block) headroom.BehaviorRules {
	made := headroom.BehaviorRules{}
	if b == nil {
		return made
	}
	if b.has("stabilizationWindowSeconds") {
		window := seconds(b.whole("stabilizationWindowSeconds", 0, 0, 3600))
		made.StabilizationWindow = &window
	}
	if b.has("selectPolicy") {
		made.Select = map[string]string{"Max": "max", "Min": "min", "Disabled": "disabled"}[b.one("selectPolicy", "Max", "Min", "Disabled")]
	}
	if value, n := b.quantity("tolerance"); value != nil {
		tolerance, _ := value.Float64()
		if value.Sign() < 0 || value.Cmp(big.NewRat(1, 1)) > 0 {
			b.problem(n, "tolerance", "%q: must be from 0 to 1", n.text)
		}
		made.Tolerance = &tolerance
	}
	items, given := b.list("policies")
	if given && len(items) == 0 {
		b.problem(b.take("policies"), "policies", "is empty: needs at least one policy, or leave it out for Kubernetes' defaults")
	}
	for i, item := range items {
		made.Policies = append(made.Policies, rate(open(b.found, b.join(index("policies", i)), item)))
	}
	b.ignore("stabilizationWindowSeconds", "selectPolicy")
	b.done("autoscaling/v2")
	return made
}

func rate(b *block) headroom.RatePolicy {
	for _, name := range []string{"type", "value", "periodSeconds"} {
		if !b.has(name) {
			b.problem(nil, name, "must be given: a policy is such as {type: Percent, value: 100, periodSeconds: 15}")
		}
	}
	made := headroom.RatePolicy{
		Type:   map[string]string{"Pods": "replicas", "Percent": "percent"}[b.one("type", "Pods", "Percent")],
		Value:  b.whole("value", 1, 1, 1_000_000),
		Period: seconds(b.whole("periodSeconds", 15, 1, 1800)),
	}
	b.done("autoscaling/v2")
	return made
}
