package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ofKubernetes = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: shop}
spec:
  scaleTargetRef: {kind: Deployment, name: shop}
  minReplicas: 2
  maxReplicas: 8
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: AverageValue, averageValue: 500m}}
  - type: Pods
    pods: {metric: {name: jobs}, target: {type: AverageValue, averageValue: "30"}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
`

func TestAutoscalersAreImportedForAServiceOfTheConfig(t *testing.T) {
	config := configFile(t, `services:
  shop:
    run: {command: ./shop, cpu: "2"}
    scaling: {signals: {jobs: {pushed: {metric: jobs_open}}, other: {pushed: {metric: others}}}}
`)
	file := filepath.Join(t.TempDir(), "hpa.yaml")
	if err := os.WriteFile(file, []byte(ofKubernetes), 0o600); err != nil {
		t.Fatal(err)
	}
	r := cli{}.run(t, "policy", "import", file, "--service", "shop", "-c", config)
	want := `services:
  shop:
    # from HorizontalPodAutoscaler shop in ` + file + `
    scaling:
      minReplicas: 2
      maxReplicas: 8
      scaleDownCooldown: 0s
      policies:
        - name: shop
          kubernetes:
            metrics:
              - type: Resource
                name: cpu
                targetType: AverageValue
                target: 25
              - type: Pods
                name: jobs
                targetType: AverageValue
                target: 30
      scaleToZeroAfter: 0s
      signals:
        jobs:
          pushed:
            metric: jobs_open
`
	if r.code != exitOK || r.out != want {
		t.Errorf("exit code %d, errors %q, output\n%s\nwant\n%s", r.code, r.errOut, r.out, want)
	}
	if !strings.Contains(r.errOut, "left out Service shop") {
		t.Errorf("what was left out is not told: %q", r.errOut)
	}
	// What came out is a config file that is merged with the other.
	imported := configFile(t, r.out)
	if r := (cli{}).run(t, "validate", "-c", config, "-c", imported); r.code != exitOK || !strings.Contains(r.out, "2 to 8 replicas") {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.errOut)
	}
}

func TestWhatCannotBeImportedIsToldWithItsPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hpa.yaml")
	if err := os.WriteFile(file, []byte(ofKubernetes), 0o600); err != nil {
		t.Fatal(err)
	}
	r := cli{}.run(t, "policies", "import", file)
	for _, says := range []string{
		file + ":10:70: spec.metrics[0].resource.target.averageValue: ",
		file + ":12:27: spec.metrics[1].pods.metric.name: ",
		"jobs: {promql: {query: 'sum(jobs)'}}",
	} {
		if r.code != exitError || !strings.Contains(r.errOut, says) {
			t.Errorf("exit code %d, errors without %q:\n%s", r.code, says, r.errOut)
		}
	}
	if r := (cli{}).run(t, "policies", "import", file, file); r.out != "" {
		t.Errorf("with errors there is output: %s", r.out)
	}
}
