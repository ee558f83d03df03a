package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestWhatIsReadAloneHasTheDefaultsOfTheConfig(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "headroom.yaml")
	const text = "{maxReplicas: 20, policies: [{name: kn, concurrency: {target: 10}}]}"
	if err := os.WriteFile(file, []byte("services: {shop: {run: './shop --port {{port}}', scaling: "+text+"}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := Loader{Paths: []string{file}}.Load()
	if err != nil {
		t.Fatal(err)
	}
	var read headroom.Scaling
	if err := Read("policy", "", []byte(text), &read); err != nil {
		t.Fatal(err)
	}
	if want := loaded.Config.Services["shop"].Scaling; !reflect.DeepEqual(read, want) {
		t.Errorf("read alone %+v, in a config %+v", read, want)
	}
	// The numbers of docs/configuration.md, by hand.
	if read.Tolerance != 0.1 || read.StableWindow != headroom.Duration(15*time.Second) || read.Policies[0].Concurrency.TargetUtilization != 70 {
		t.Errorf("read %+v", read)
	}
}

func TestWhatIsWrittenAsARecordIsReadAsTheSame(t *testing.T) {
	t.Parallel()
	var policy headroom.Scaling
	if err := Read("policy", "", []byte("{policies: [{name: kn, concurrency: {target: 10}, shadow: true}], replicaHour: 0.042 USD}"), &policy); err != nil {
		t.Fatal(err)
	}
	value := 4.5
	type record struct {
		Policy      headroom.Scaling     `json:"policy"`
		Observation headroom.Observation `json:"observation"`
		State       headroom.ScalerState `json:"state"`
	}
	written := record{policy,
		headroom.Observation{Service: "shop", At: time.Date(2026, 1, 31, 12, 0, 0, 5, time.UTC), Signals: map[headroom.Metric]headroom.Signal{
			"queue": {Metric: "queue", Stable: headroom.Reading{PerReplica: &value, Age: headroom.Duration(time.Second), Unknown: "it's 3 o'clock"}}}},
		headroom.ScalerState{Wanted: 3, Policies: map[string]headroom.PolicyMemory{
			"kn": headroom.Remember(map[string]any{"on": true, "text": "7", "number": 7.5, "list": []any{nil, "null"}})}}}
	text, err := json.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	var read record
	if err := Read("record", "", text, &read); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(read)
	if err != nil || string(again) != string(text) {
		t.Errorf("%v: written\n%s\nread\n%s", err, text, again)
	}
}

func TestWhatIsReadAloneNamesNoFilesAndNoVariables(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("of someone else"), 0o600); err != nil {
		t.Fatal(err)
	}
	var policy headroom.Scaling
	text := "{timeZone: '${HOME}', signals: {queue: {http: {url: 'http://a.example/', path: a, headers: {X-Token: 'file:" + secret + "'}}}}}"
	if err := Read("policy", "", []byte(text), &policy); err != nil {
		t.Fatal(err)
	}
	if policy.TimeZone != "${HOME}" || policy.Signals["queue"].HTTP.Headers["X-Token"] != "file:"+secret {
		t.Errorf("read %+v", policy)
	}
}

func TestWhatIsReadAloneIsReadStrictly(t *testing.T) {
	t.Parallel()
	type question struct {
		Policy      headroom.Scaling     `json:"policy"`
		Observation headroom.Observation `json:"observation" partial:"true"`
	}
	for text, says := range map[string]string{
		"":                                   "is empty",
		"[]":                                 "must be a block of fields, is a list",
		"{}\n---\n{policy: {}}\n---\n{a: 1}": "must be one document",
		`{"policy": {"maxReplica": 3}}`:      `body.policy.maxReplica: there is no such field; did you mean "maxReplicas"?`,
		`{"policy": {"maxReplicas": "3"}}`:   "body.policy.maxReplicas: must be a whole number",
		`{"policy": 7}`:                      "body.policy: must be a block of fields, is the number 7",
		`{"policy": {"policies": [{"name": "a", "target": {"value": 3}}]}}`:              "body.policy.policies[0].target.metric: must be given",
		`{"observation": {"signals": {"cpu": {"fast": {"age": 3}}}}}`:                    "body.observation.signals.cpu.fast.age:",
		`{"observation": {"signals": {"cpu": {"fast": {"value": 3}}}}}`:                  "body.observation.signals.cpu.fast.value: there is no such field",
		`{"observation": {"at": "yesterday"}, "policy": {"maxReplicas": 3}, "state": 1}`: "body.observation.at:",
	} {
		var into question
		err := Read("body", "body", []byte(text), &into)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, expected %q", text, err, says)
			continue
		}
		if invalid := (*headroom.InvalidError)(nil); !errors.As(err, &invalid) || !strings.HasPrefix(invalid.Field, "body") {
			t.Errorf("%s: the vocabulary's error is %+v", text, invalid)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"policies": [{"name": "a", "rule": {"when": "true", "replicas": "3"}}]}`)
	f.Add("{policies: [{name: kn, concurrency: {target: 10}}], behavior: {scaleUp: {select: max}}}")
	f.Fuzz(func(t *testing.T, text string) {
		var into headroom.Scaling
		if Read("policy", "", []byte(text), &into) != nil {
			return
		}
		if _, err := json.Marshal(into); err != nil {
			t.Errorf("%q: what is read cannot be written: %v", text, err)
		}
	})
}
