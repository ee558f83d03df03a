package headroom

import "time"

// PushedValue is one value of a metric that others send; see PushedSource.
type PushedValue struct {
	Name   string            `json:"name" minLength:"1" maxLength:"200" doc:"of the metric" example:"orders_open"`
	Labels map[string]string `json:"labels,omitempty" doc:"tell its series apart; up to 32" example:"{shop: berlin}"`
	Value  float64           `json:"value" minimum:"0" maximum:"1000000000000000" doc:"of the service as a whole" example:"42"`
	At     time.Time         `json:"at,omitzero" doc:"when it was so; now where not given"`
	// Gone means that its sender says that the series has ended, as stale markers of Prometheus do.
	Gone bool `json:"-"`
}
