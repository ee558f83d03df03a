package control

import (
	"encoding/json"
	"strings"
	"testing"

	"headroom.dev/headroom"
)

func TestWhatSignalsAreReadWithIsNotKeptWithDecisions(t *testing.T) {
	headers := map[string]string{"Authorization": "Bearer hunter2"}
	policy := headroom.Scaling{Signals: map[headroom.Metric]headroom.SignalFrom{
		"a": {HTTP: &headroom.HTTPSource{URL: "http://user:hunter2@stats/x", Headers: headers}},
		"b": {PromQL: &headroom.PromQLSource{URL: "http://user:hunter2@prometheus", Query: "up", Headers: headers}},
		"d": {External: &headroom.ExternalSource{Address: "scaler:9090", Metadata: map[string]string{"Authorization": "hunter2"}}},
		"c": {Command: &headroom.CommandSource{Run: headroom.Command{"count", "spool files"}}},
	}}
	text, err := json.Marshal(withoutSecrets(policy))
	if err != nil || strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), "Authorization") {
		t.Errorf("kept as %s, %v", text, err)
	}
	if policy.Signals["a"].HTTP.Headers["Authorization"] != "Bearer hunter2" {
		t.Error("the settings themselves have lost it")
	}
	var again headroom.Scaling
	if err := json.Unmarshal(text, &again); err != nil || again.Signals["c"].Command.Run[1] != "spool files" {
		t.Errorf("read again as %+v, %v", again.Signals["c"].Command, err)
	}
}
