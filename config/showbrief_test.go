package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"headroom.dev/headroom/config/kubernetes"
)

func TestWhatIsWrittenOfImportedScalingLoadsToTheSame(t *testing.T) {
	for name, text := range map[string]string{
		"an HPA with an empty behavior": `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: shop}, spec: {
  scaleTargetRef: {name: shop}, minReplicas: 2, maxReplicas: 10, behavior: {},
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]}}`,
		"an HPA with nothing but bounds": `{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, spec: {maxReplicas: 3}}`,
		"a ScaledObject with all kinds of triggers": `{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: "9.orders"}, spec: {
  fallback: {failureThreshold: 2, replicas: 6}, cooldownPeriod: 0,
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 0, tolerance: "0", policies: [{type: Percent, value: 10, periodSeconds: 60}]}}}},
  triggers: [{type: prometheus, metadata: {serverAddress: "http://p:9090", query: "sum(q{a=\"$x\"}) # all", threshold: "0.5", customHeaders: "X-A=file:b,X-B=${C}"}},
    {type: external, metadata: {scalerAddress: "s:9090", "a b": "true"}},
    {type: cron, metadata: {timezone: Europe/Berlin, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: 0}},
    {type: metrics-api, metadata: {url: "http://s/x", valueLocation: a.b, targetValue: 5}}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			want, err := kubernetes.Read([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "headroom.yaml")
			shown := "services:\n" + ShowScaling("shop", want, []string{"a note\nof two: lines"}) + "    run: ./shop\n"
			if err := os.WriteFile(file, []byte(shown), 0o600); err != nil {
				t.Fatal(err)
			}
			loaded, err := Loader{Paths: []string{file}, Env: []string{}, WorkingDir: t.TempDir()}.Load()
			if err != nil {
				t.Fatalf("%v\n%s", err, shown)
			}
			if diff := cmp.Diff(want, loaded.Config.Services["shop"].Scaling); diff != "" {
				t.Errorf("%s\n%s", diff, shown)
			}
			if strings.Contains(shown, "panicThreshold") {
				t.Errorf("what has its default is written too:\n%s", shown)
			}
		})
	}
}
