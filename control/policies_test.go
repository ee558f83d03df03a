package control

import (
	"errors"
	"testing"

	"headroom.dev/headroom"
)

func TestAPolicyThatIsRemovedLeavesThatOfTheConfigFile(t *testing.T) {
	run(t, func(t *testing.T) {
		settings := testConfig("old")
		shop := settings.Services["shop"]
		inFile := headroom.ScalingPolicy{Name: "file", Metric: headroom.MetricCPU, Threshold: 70, Action: headroom.ActionScaleUp, Step: 1}
		shop.Scaling.Policies = []headroom.ScalingPolicy{inFile}
		settings.Services["shop"] = shop
		w := newWorldOf(t, settings)
		_ = w
		_ = errors.As
	})
}
