package main

import (
	"testing"

	"headroom.dev/headroom"
)

// A service without traffic would be told every ten seconds for ever, a thousand of them in a thousand lines.
func TestAServiceWithoutTrafficIsToldOnce(t *testing.T) {
	s := &story{}
	idle := headroom.ServiceTraffic{Service: "shop"}
	busy := headroom.ServiceTraffic{Service: "shop", RequestsPerSecond: 1}
	for i, step := range []struct {
		traffic headroom.ServiceTraffic
		text    string
		want    bool
	}{
		{idle, "0 of 2 ready", true}, {idle, "2 of 2 ready", true}, {idle, "2 of 2 ready", false},
		{headroom.ServiceTraffic{Service: "web"}, "2 of 2 ready", true},
		{busy, "1 request/s", true}, {busy, "1 request/s", true}, {idle, "2 of 2 ready", true}, {idle, "2 of 2 ready", false},
	} {
		if got := s.isNews(step.traffic, step.text); got != step.want {
			t.Errorf("step %d: got %v, want %v", i, got, step.want)
		}
	}
}
