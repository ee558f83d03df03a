package scaling

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// subject starts a sentence with what was measured and what it is compared with.
func (s *situation) subject(p headroom.Proposal, m measured) string {
	if s.quiet {
		return ""
	}
	per, target, when := number(m.perReplica), number(p.Target), ""
	if p.Window == string(fast) {
		when = " in the last second"
	}
	kind := "target"
	if p.Kind == headroom.KindThreshold || p.Kind == headroom.KindSteps {
		kind = "threshold"
	}
	switch p.Metric {
	case headroom.MetricCPU:
		return s.service + " uses " + per + " % of its processor share per replica" + when + " where " + target + " % is the " + kind
	case headroom.MetricMemory:
		return s.service + " uses " + per + " % of its memory per replica" + when + " where " + target + " % is the " + kind
	case headroom.MetricRequestsPerSecond:
		return s.service + " gets " + number(m.total) + " requests/s" + when + ", " + per + " per replica where " + target + " is the " + kind
	case headroom.MetricInFlight:
		return s.service + " has " + number(m.total) + " requests in flight" + when + ", " + per + " per replica where " + target + " is the " + kind
	case headroom.MetricLatency:
		return s.service + " answers " + number(100*s.quantile) + " % of requests within " + per + " ms" + when + " where " + target + " ms is the " + kind
	default:
		return s.service + " has " + string(p.Metric) + " at " + per + when + " where " + target + " is the " + kind
	}
}

// number writes a float for people: three significant digits below 100, whole numbers from there on.
func number(value float64) string {
	switch magnitude := math.Abs(value); {
	case magnitude >= 1e15:
		return strconv.FormatFloat(value, 'g', 3, 64)
	case magnitude >= 100:
		return strconv.FormatFloat(value, 'f', 0, 64)
	case magnitude >= 10:
		return trimmed(strconv.FormatFloat(value, 'f', 1, 64))
	case magnitude >= 0.01 || value == 0:
		return trimmed(strconv.FormatFloat(value, 'f', 2, 64))
	default:
		return strconv.FormatFloat(value, 'g', 2, 64)
	}
}

func trimmed(digits string) string {
	return strings.TrimSuffix(strings.TrimRight(digits, "0"), ".")
}

// span writes a length of time for people: whole seconds from one second on, milliseconds below.
func span(d time.Duration) string {
	if d >= time.Second {
		return headroom.Duration(d.Truncate(time.Second)).String()
	}
	return headroom.Duration(d.Truncate(time.Millisecond)).String()
}

func count(replicas int) string {
	if replicas == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", replicas)
}

func needed(replicas int) string {
	if replicas == 1 {
		return "1 replica is needed"
	}
	return fmt.Sprintf("%d replicas are needed", replicas)
}

func enough(replicas int) string {
	switch replicas {
	case 0:
		return "no replica is needed"
	case 1:
		return "1 replica is enough"
	}
	return fmt.Sprintf("%d replicas are enough", replicas)
}
