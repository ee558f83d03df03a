package backtest

import (
	"fmt"
	"strings"

	"headroom.dev/headroom"
)

// The autoscalers that can be compared.
const (
	NameOwn        = "headroom"    // the user's policy
	NameHPA        = "hpa"         // a HorizontalPodAutoscaler
	NameKnative    = "knative"     // Knative's pod autoscaler
	NameStep       = "step"        // step scaling on alarms, as on AWS
	NameSchedule   = "schedule"    // the peak of the same hour of the week before
	NameStaticPeak = "static-peak" // enough for the peak all the time
	NameOracle     = "oracle"      // knows the future
)

// Names lists what the user's policy can be compared with.
func Names() []string {
	return []string{NameHPA, NameKnative, NameStep, NameSchedule, NameStaticPeak, NameOracle}
}

// New makes an autoscaler by its name. Each gets the decisions of the user's policy; nil for none.
func New(w World, name string, each func(headroom.Decision)) (Autoscaler, error) {
	switch name {
	case NameOwn:
		return Own(w, each)
	case NameHPA:
		return newHPA(w), nil
	case NameKnative:
		return newKnative(w), nil
	case NameStep:
		return newStep(w), nil
	case NameSchedule:
		return newSchedule(w), nil
	case NameStaticPeak:
		return fixed(w.peak()), nil
	case NameOracle:
		return newOracle(w), nil
	default:
		return nil, fmt.Errorf("there is no %q to compare with: expected some of %s", name, strings.Join(Names(), ", "))
	}
}
