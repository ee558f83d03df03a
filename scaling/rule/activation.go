package rule

import (
	"math"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
)

// ResolveName gives CEL the value of a variable. A number that is not known is not found, so that what uses it is unknown too.
func (v *Variables) ResolveName(name string) (any, bool) {
	switch name {
	case "signal":
		return v.Signals, true
	case "now":
		return types.Timestamp{Time: v.Now}, true
	case "current":
		return v.Current, true
	case "ready":
		return v.Ready, !math.IsNaN(v.Ready)
	case "starting":
		return v.Start, !math.IsNaN(v.Start)
	case "minReplicas":
		return v.Min, true
	case "maxReplicas":
		return v.Max, true
	case "cost":
		return v.Cost, true
	case "hour":
		return float64(v.Now.Hour()), true
	case "minute":
		return float64(v.Now.Minute()), true
	case "weekday":
		return float64(v.Now.Weekday()), true
	case "day":
		return float64(v.Now.Day()), true
	case "month":
		return float64(v.Now.Month()), true
	case "sinceUp":
		return v.SinceUp, true
	case "sinceDown":
		return v.SinceDown, true
	default:
		return nil, false
	}
}

// Parent implements interpreter.Activation: there is no other scope.
func (v *Variables) Parent() interpreter.Activation { return nil }
