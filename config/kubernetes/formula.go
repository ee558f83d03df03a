package kubernetes

import (
	"strings"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/rule"
)

// modifiers reads scalingModifiers: one value made of all triggers takes their place. KEDA's language is expr-lang, ours is CEL; what both have (arithmetic,
// comparisons, ?:, &&, ||, !, min, max, abs, ceil, floor, round) is written the same, once triggers are written as signals.
func (r objectReader) modifiers(a *Autoscaler, b *block, policy *headroom.KubernetesPolicy, triggers []trigger) {
	formula := b.needed("formula", "queue + 2 * lag")
	at := b.take("formula")
	target, targetAt := b.amount("target", 0)
	if target < leastTarget {
		b.problem(targetAt, "target", "must be given, a number of at least %g, such as '30'", leastTarget)
	}
	kind := map[string]string{"AverageValue": "averageValue", "Value": "value"}[b.one("metricType", "AverageValue", "Value")]
	if above, n := b.amount("activationTarget", 0); above != 0 {
		b.problem(n, "activationTarget", "headroom activates by single signals: take this out; with minReplicaCount 0 any trigger above its own activation value starts the first replica")
	}
	b.done("KEDA")
	if at == nil || formula == "" {
		return
	}
	value, ok := r.asCEL(b, at, formula, triggers)
	if !ok {
		return
	}
	var resources []headroom.KubernetesMetric
	for i, m := range policy.Metrics {
		if triggers[i].from == nil {
			resources = append(resources, m)
		}
	}
	policy.Metrics = resources
	name := "formula"
	if word(a.Name, "keda") == name {
		name = "formula-value"
	}
	a.Scaling.Policies = append(a.Scaling.Policies, headroom.ScalingPolicy{Name: name, Step: 1,
		Formula: &headroom.FormulaPolicy{Value: value, Target: target, Type: kind}})
	a.Scaling.Behavior = spelledOut(policy.Behavior)
	if a.Scaling.MinReplicas == 0 {
		a.note("any trigger of the formula above its own activation value starts the first replica; KEDA looks at the formula's value")
	}
}

// asCEL writes a formula of KEDA's in CEL, with the triggers as signals.
func (r objectReader) asCEL(b *block, at *node, formula string, triggers []trigger) (string, bool) {
	signals := map[string]headroom.Metric{}
	for _, t := range triggers {
		switch {
		case t.name == "":
			continue
		case signals[t.name] != "":
			b.found.add(t.at, b.path, "two triggers are named %q: a formula needs a name for each", t.name)
			return "", false
		case t.from == nil:
			continue // KEDA has no value of cpu and memory
		}
		signals[t.name] = t.metric.Name
	}
	before := len(r.found.list) + r.found.more
	var out strings.Builder
	for rest := formula; rest != ""; {
		n := identifier(rest)
		if n == 0 {
			n = other(rest)
			out.WriteString(rest[:n])
			rest = rest[n:]
			continue
		}
		name, behind := rest[:n], strings.TrimLeft(rest[n:], " \t\n")
		signal, known := signals[name]
		switch {
		case known && strings.Contains(string(signal), "-"):
			out.WriteString(`signal["` + string(signal) + `"].total`)
		case known:
			out.WriteString("signal." + string(signal) + ".total")
		case name == "true" || name == "false" || strings.HasPrefix(behind, "("):
			out.WriteString(name)
		default:
			b.problem(at, "formula", "there is no trigger named %q (cpu and memory have no value in formulas)", name)
		}
		rest = rest[n:]
	}
	if len(r.found.list)+r.found.more > before {
		return "", false
	}
	compiler, err := rule.NewCompiler()
	if err == nil {
		_, err = compiler.Compile(out.String(), rule.Number)
	}
	if err != nil {
		b.problem(at, "formula", "is not CEL, which headroom's formulas are in (there it reads %s): %v. Write it in CEL as a policy: {name: formula, formula: {value: …, target: …}}", out.String(), err)
		return "", false
	}
	return out.String(), true
}

// identifier is the length of the name that a text begins with; 0 where it begins with none.
func identifier(text string) int {
	n := 0
	for n < len(text) {
		c := text[n]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (n == 0 || c < '0' || c > '9') {
			break
		}
		n++
	}
	return n
}

// other is the length of what is no name: a text in quotes, a number with its exponent, or one byte.
func other(text string) int {
	if quote := text[0]; quote == '"' || quote == '\'' || quote == '`' {
		if end := strings.IndexByte(text[1:], quote); end >= 0 {
			return end + 2
		}
		return len(text)
	}
	n := 0
	for n < len(text) && (text[n] >= '0' && text[n] <= '9' || text[n] == '.' || n > 0 && (text[n] == 'e' || text[n] == 'E')) {
		n++
	}
	return max(n, 1)
}

// spelledOut is HPA's behavior as that of the service, where nothing is laid under it: what is not given is HPA's default.
func spelledOut(given *headroom.Behavior) headroom.Behavior {
	window := seconds(300)
	all := headroom.Behavior{
		ScaleUp: headroom.BehaviorRules{Policies: []headroom.RatePolicy{
			{Type: "replicas", Value: 4, Period: seconds(15)}, {Type: "percent", Value: 100, Period: seconds(15)}}},
		ScaleDown: headroom.BehaviorRules{StabilizationWindow: &window, Policies: []headroom.RatePolicy{{Type: "percent", Value: 100, Period: seconds(15)}}},
	}
	if given == nil {
		return all
	}
	return headroom.Behavior{ScaleUp: over(all.ScaleUp, given.ScaleUp), ScaleDown: over(all.ScaleDown, given.ScaleDown)}
}

func over(rules, given headroom.BehaviorRules) headroom.BehaviorRules {
	if given.StabilizationWindow != nil {
		rules.StabilizationWindow = given.StabilizationWindow
	}
	if given.Policies != nil {
		rules.Policies = given.Policies
	}
	rules.Select, rules.Tolerance = given.Select, given.Tolerance
	return rules
}
