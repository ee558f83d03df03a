package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// configFile writes a config file and returns its path.
func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "headroom.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const validConfig = `api: {token: "s3cret-s3cret-s3cret-s3cret"}
services:
  shop:
    run: ./shop --port {{port}}
    scaling: {minReplicas: 2, maxReplicas: 10}
  legacy:
    backends: [{address: "127.0.0.1:9001"}]
    loadBalancing: {listen: "127.0.0.1:8081"}
`

func TestValidateSaysWhatAValidFileMeans(t *testing.T) {
	r := cli{}.run(t, "validate", "-c", configFile(t, validConfig))
	want := `OK: 2 services on 2 listeners, 2 to 10 replicas, API on 127.0.0.1:7070

SERVICE  LISTEN          REPLICAS  RUNS
legacy   127.0.0.1:8081         -  127.0.0.1:9001
shop     127.0.0.1:8080      2-10  ./shop --port {{port}}
`
	if r.code != 0 || r.out != want {
		t.Errorf("exit code %d, errors %q, output\n%s\nwant\n%s", r.code, r.errOut, r.out, want)
	}
}

func TestValidateNamesEveryProblemWithItsPlace(t *testing.T) {
	file := configFile(t, "services:\n  shop:\n    rum: ./shop\n    scaling: {minReplicas: many}\n")
	r := cli{}.run(t, "validate", file)
	if r.code != 1 || r.out != "" || !strings.Contains(r.errOut, file+":3:5") || !strings.Contains(r.errOut, file+":4:") {
		t.Errorf("exit code %d, output %q, errors\n%s\nwant 1 and lines 3 and 4", r.code, r.out, r.errOut)
	}
	r = cli{}.run(t, "validate", file, "-o", "json")
	var answer validation
	if err := json.Unmarshal([]byte(r.out), &answer); err != nil {
		t.Fatal(err)
	}
	if r.code != 1 || answer.Valid || len(answer.Problems) < 2 || answer.Problems[0].Line != 3 || r.errOut != "" {
		t.Errorf("exit code %d, errors %q, answer %+v", r.code, r.errOut, answer)
	}
}

func TestValidateSaysWhichFileIsNotThere(t *testing.T) {
	r := cli{}.run(t, "validate", "-c", "/does/not/exist.yaml")
	if r.code != 1 || !strings.Contains(r.errOut, "/does/not/exist.yaml") {
		t.Errorf("exit code %d, errors %q", r.code, r.errOut)
	}
}

func TestConfigShowSaysWhereEachValueCameFromAndMasksSecrets(t *testing.T) {
	file := configFile(t, validConfig)
	c := cli{environment: []string{"HEADROOM_LOG_LEVEL=debug"}}
	r := c.run(t, "config", "show", "--origin", "-c", file)
	if r.code != 0 || strings.Contains(r.out, "s3cret") {
		t.Errorf("exit code %d, errors %q, or a secret is shown:\n%s", r.code, r.errOut, r.out)
	}
	for _, want := range []string{file + ":5", "env HEADROOM_LOG_LEVEL", "default"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no value came from %s:\n%s", want, r.out)
		}
	}
	if r := c.run(t, "config", "show", "--reveal", "-c", file); !strings.Contains(r.out, "s3cret") {
		t.Error("--reveal does not show the secret")
	}
	r = c.run(t, "config", "show", "-o", "json", "--origin", "-c", file)
	var origins map[string]originOf
	if err := json.Unmarshal([]byte(r.out), &origins); err != nil {
		t.Fatal(err)
	}
	if got, want := origins["log.level"], (originOf{"debug", "env HEADROOM_LOG_LEVEL"}); got != want {
		t.Errorf("log.level is %+v, want %+v", got, want)
	}
	if strings.Contains(r.out, "s3cret") {
		t.Error("JSON shows a secret")
	}
	var whole struct{ Log struct{ Level string } }
	if err := json.Unmarshal([]byte(c.run(t, "config", "show", "-o", "json", "-c", file).out), &whole); err != nil || whole.Log.Level != "debug" {
		t.Errorf("the whole in JSON has level %q, %v", whole.Log.Level, err)
	}
}

func TestSchemaIsJSONSchemaInEveryFormat(t *testing.T) {
	var schema struct {
		Schema string `json:"$schema"`
	}
	for _, format := range []string{"table", "json"} {
		if err := json.Unmarshal([]byte(cli{}.run(t, "schema", "-o", format).out), &schema); err != nil || !strings.HasSuffix(schema.Schema, "2020-12/schema") {
			t.Errorf("%s: $schema is %q, %v", format, schema.Schema, err)
		}
	}
	if r := (cli{}).run(t, "schema", "-o", "yaml"); !strings.Contains(r.out, "$schema: https://json-schema.org/draft/2020-12/schema") {
		t.Errorf("yaml is %.200q", r.out)
	}
}
