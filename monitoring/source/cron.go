package source

import (
	"context"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// clock has a value while a window holds.
type clock struct {
	policy headroom.Scaling // its time zone and its calendars
	source headroom.CronSource
}

func (c clock) Read(context.Context) (float64, error) {
	if scaling.Open(c.policy, c.source.Window, time.Now()) {
		return c.source.Value, nil
	}
	return 0, nil
}
