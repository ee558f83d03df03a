package config

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource(SchemaID, document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// judge holds every document of a text to the schema.
func judge(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	found := &problems{}
	for _, document := range parse(newSource(fromFile, "x", text), text, found) {
		// Through JSON, so that the validator sees what it would see in an editor.
		encoded, err := json.Marshal(document.asJSON())
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			return err
		}
	}
	return nil
}

func TestEveryExampleAndTestDocumentFitsTheSchemaAndLoads(t *testing.T) {
	schema := compiledSchema(t)
	var paths []string
	for _, root := range []string{"../examples", "testdata"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			isConfig := strings.HasSuffix(path, ".yaml") || (root == "testdata" && strings.HasSuffix(path, ".json"))
			if isConfig && !strings.Contains(path, string(filepath.Separator)+".") && !entry.IsDir() {
				paths = append(paths, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Contains(paths, "testdata/full.yaml") {
		t.Fatalf("the walk missed testdata: %v", paths)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := judge(t, schema, string(content)); err != nil {
			t.Errorf("%s does not fit the schema: %v", path, err)
		}
		if _, err := load(path, os.Environ()); err != nil {
			t.Errorf("%s does not load: %v", path, err)
		}
	}
}

// The schema and the binder agree: what loads fits, and what is wrong in itself fits neither.
func TestSchemaAndBinderAgree(t *testing.T) {
	schema := compiledSchema(t)
	for _, text := range []string{
		"scaling: {minReplicas: 10.0, maxReplicas: 1e2, enabled: TRUE}\n",
		"scaling: {minReplicas: '${A}', enabled: \"${B}\", stableWindow: '${C}s', policies: ~}\n",
		"log: {level: '${D}'}\nscaling:\n",
		"scaling: {targetCPUUtilization: 0, targetLatency: 0, scaleUpCooldown: 0s, scaleDownCooldown: 1h30m, stableWindow: 1.5s}\n",
		"services: {a: {run: {command: [./a, 1, true, 2.5], environment: {A: 1, B: true, C: x}, cpu: 1.5, memory: 1024}}}\n",
		"services: {a: {run: ./a}}\n", "services: {a: {run: [./a]}}\n", "services:\n", "state: {dir: x}\nload:\n",
		"services: {a: {run: {command: ./a, memory: 1.5 GiB, cpu: '500m', ports: '1 - 2000'}}}\n",
		"$schema: https://headroom.dev/schema/config.json\nlog: {level: warn}\n",
		"monitoring: {maxSize: 500MB, alerts: []}\n",
		"loadBalancing: {errorPages: {503: busy.html}, requestHeaders: {set: {X-A: 1, X-B: true}}, routes: [{path: /, maxBody: 0, exact: true}], limits: {bodyRate: 0}}\n",
		"accessLog: {path: stdout, sample: 0.5}\nloadBalancing: {protocol: http, backendProtocol: h2, tls: {minVersion: '1.3'}, healthCheck: {type: grpc}}\n",
	} {
		if _, err := loadText(t, text, "A=2", "B=false", "C=5", "D=warn"); err != nil {
			t.Errorf("does not load: %v\n%s", err, text)
		}
		if err := judge(t, schema, text); err != nil {
			t.Errorf("loads but does not fit the schema: %v\n%s", err, text)
		}
	}
	for _, text := range []string{
		"scalling: {}\n", "scaling: {minReplica: 2}\n", "scaling: 3\n", "scaling: []\n", "services: [a]\n",
		"scaling: {minReplicas: two}\n", "scaling: {minReplicas: '2'}\n", "scaling: {minReplicas: 2.5}\n", "scaling: {maxReplicas: 1001}\n",
		"scaling: {enabled: yes}\n", "scaling: {enabled: 1}\n", "scaling: {targetCPUUtilization: 70%}\n", "scaling: {targetCPUUtilization: 101}\n",
		"scaling: {stableWindow: 30}\n", "scaling: {stableWindow: 30 seconds}\n", "scaling: {stableWindow: -1s}\n", "scaling: {policies: {name: x}}\n",
		"scaling: {policies: [{metric: cpu}]}\n", "scaling: {policies: [{name: x, metric: cpu, threshold: 1, action: up}]}\n",
		"scaling: {policies: [{name: x, metric: cpu, threshold: 1, action: scale-up, extra: 1}]}\n", "scaling: {policies: [~]}\n",
		"loadBalancing: {algorithm: random}\n", "loadBalancing: {hosts: a}\n", "loadBalancing: {hosts: [1]}\n", "loadBalancing: {listen: 8080}\n",
		"loadBalancing: {sessionAffinity: {type: hash}}\n", "loadBalancing: {protocol: udp}\n", "loadBalancing: {tls: {minVersion: 1.1}}\n",
		"loadBalancing: {tls: {certificates: [{certificate: a.pem}]}}\n", "loadBalancing: {split: {variants: [{weight: 5}]}}\n", "loadBalancing: {routes: [{path: /a, rewrite: 5}]}\n",
		"loadBalancing: {requestHeaders: {set: {A: [1]}}}\n", "loadBalancing: {limits: {headerFields: 0}}\n", "accessLog: {sample: 2}\n", "loadBalancing: {routes: [{path: /a, maxBody: big}]}\n", "log: {level: loud}\n", "log: {level: }\n",
		"monitoring: {maxSize: big}\n", "monitoring: {maxSize: -5}\n",
		"services: {a: {run: 5}}\n", "services: {a: {run: {}}}\n", "services: {a: {run: {command: {}}}}\n", "services: {a: {run: {command: [[x]]}}}\n",
		"services: {a: {run: {command: ./a, environment: {A: [1]}}}}\n", "services: {a: {run: {command: ./a, cpu: -1}}}\n",
		"services: {a: {run: {command: ./a, ports: 8080}}}\n", "services: {a: {backends: [{weight: 1}]}}\n", "load: {service: a}\n",
	} {
		if _, err := loadText(t, text); err == nil {
			t.Errorf("loads:\n%s", text)
		}
		if err := judge(t, schema, text); err == nil {
			t.Errorf("fits the schema:\n%s", text)
		}
	}
}

func TestSchemaCarriesMeaningDefaultsAndChoices(t *testing.T) {
	var schema struct {
		Schema     string `json:"$schema"`
		Properties map[string]struct {
			Description string `json:"description"`
		} `json:"properties"`
		Defs map[string]struct {
			Additional *bool `json:"additionalProperties"`
			Properties map[string]struct {
				Description string `json:"description"`
				Default     any    `json:"default"`
				Examples    []any  `json:"examples"`
				AnyOf       []any  `json:"anyOf"`
			} `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	if schema.Schema != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema is %q", schema.Schema)
	}
	if schema.Properties["state"].Description != "where what must survive a restart is kept" {
		t.Errorf("state is described as %q", schema.Properties["state"].Description)
	}
	scaling := schema.Defs["scaling"]
	if scaling.Additional == nil || *scaling.Additional {
		t.Error("scaling allows fields that do not exist")
	}
	minReplicas := scaling.Properties["minReplicas"]
	if minReplicas.Default != 1.0 || minReplicas.Description != "never fewer replicas than this; with 0 the last one is stopped when nothing has been active for scaleToZeroAfter" {
		t.Errorf("minReplicas is %+v", minReplicas)
	}
	if got := scaling.Properties["policies"].Examples; len(got) != 1 {
		t.Errorf("examples of policies: %v", got)
	} else if first := got[0].([]any)[0].(map[string]any); first["threshold"] != 70.0 || first["metric"] != "cpu" {
		t.Errorf("example of a policy: %v", first)
	}
}
