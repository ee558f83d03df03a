package kubernetes

import (
	"strings"
	"time"

	"headroom.dev/headroom"
)

// defaults are those of headroom.yaml, but for what would change decisions that Kubernetes makes otherwise: HPA has no cooldown, and a service that it took
// to zero waits for nothing else.
func defaults() headroom.Scaling {
	return headroom.Scaling{
		Enabled: true, MinReplicas: 1, MaxReplicas: 10, LatencyQuantile: 0.95, Tolerance: 0.1,
		StableWindow: seconds(15), PanicThreshold: 1.5, ScaleDownCooldown: 0, ScaleToZeroAfter: 0,
	}
}

// defaultSignal has the defaults of signals in headroom.yaml.
func defaultSignal() headroom.SignalFrom {
	return headroom.SignalFrom{Every: seconds(15), StaleAfter: seconds(60), Fallback: headroom.SignalFallback{Behavior: "none", After: 3}}
}

func seconds(n int) headroom.Duration { return headroom.Duration(time.Duration(n) * time.Second) }

// The largest values that headroom.yaml takes.
const (
	mostReplicas = 1000
	mostTarget   = 1_000_000_000_000
	leastTarget  = 0.001
)

// word makes a name of Kubernetes into one that policies and signals may have: letters, digits, dashes and underscores, with a letter first.
func word(name, other string) string {
	const longest = 63
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, name)
	if name == "" {
		return other
	}
	if c := name[0]; c == '-' || c >= '0' && c <= '9' {
		name = other + "-" + strings.TrimLeft(name, "-")
	}
	return strings.TrimRight(name[:min(len(name), longest)], "-")
}
