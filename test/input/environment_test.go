package input

import (
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

func TestTheEnvironmentDotEnvAndSecretsReachTheServiceThatRuns(t *testing.T) {
	t.Parallel()
	s := system.New(t, `api:
  listen: API
  token: file:token
services:
  shop:
    run:
      command: SHOP --port {{port}} --latency ${DELAY}
      ports: PORTS
    scaling: {minReplicas: 1}
    loadBalancing: {listen: "${LISTEN:-TRAFFIC}"}
`)
	document(t, s, "token", "s3cret-of-the-file\n")
	document(t, s, ".env", "# beside the config\nDELAY=3ms\nHEADROOM_SCALING_STABLE_WINDOW=20s\nHEADROOM_SCALING_MAX_REPLICAS=5\n")
	s.Env = []string{"HEADROOM_SCALING_MAX_REPLICAS=3", "HEADROOM_SERVICES_SHOP_SCALING_TARGET_IN_FLIGHT=7"}
	s.WaitReady(s.Start("run"))

	stdout, stderr, code := s.Command("status", "shop", "-o", "json", "-c", s.ConfigFile())
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	services := decoded[struct{ Services []headroom.ServiceStatus }](t, stdout).Services
	if len(services) != 1 {
		t.Fatalf("services %v", services)
	}
	status := services[0]
	if status.MaxReplicas != 3 {
		t.Errorf("maxReplicas is %d: the environment's 3 should win over the 5 of .env", status.MaxReplicas)
	}
	if status.Scaling.StableWindow.String() != "20s" || status.Scaling.TargetInFlight != 7 {
		t.Errorf("scaling is %+v", status.Scaling)
	}
	_, stderr, code = s.Command("status", "--token", "wrong")
	if code != 1 {
		t.Errorf("with a wrong token the exit code is %d", code)
	}
	contains(t, stderr, "token")

	stdout, _, _ = s.Command("config", "show", "--origin", "-c", s.ConfigFile())
	contains(t, stdout, "HEADROOM_SCALING_MAX_REPLICAS", "HEADROOM_SERVICES_SHOP_SCALING_TARGET_IN_FLIGHT", ".env HEADROOM_SCALING_STABLE_WINDOW")
	if strings.Contains(stdout, "s3cret") {
		t.Error("config show tells the secret")
	}
	s.Eventually(10*time.Second, "a replica runs with the latency of .env", func() error {
		for _, pid := range s.ShopProcesses() {
			return argumentsHave(pid, "3ms")
		}
		return errNoReplica
	})
}

func TestAVariableThatIsNotSetAndASecretThatIsNotThereAreNamed(t *testing.T) {
	t.Parallel()
	config := strings.Replace(twoReplicas, "--latency 2ms", "--latency ${DELAI}", 1)
	config = strings.Replace(config, "listen: API", "listen: API\n  token: file:nowhere", 1)
	s := system.New(t, config)
	s.Env = []string{"DELAY=3ms"}
	refuses(t, s, []string{"run"}, "the variable DELAI is not set", "${DELAY}", "api.token: the secret cannot be read", "nowhere")
}

func TestAVariableThatMeansNothingIsAWarningWithTheNearestName(t *testing.T) {
	t.Parallel()
	s := system.New(t, twoReplicas)
	s.Env = []string{"HEADROOM_SCALING_MAX_REPLICA=3"}
	stdout, stderr, code := s.Command("validate", "-c", s.ConfigFile())
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	contains(t, stdout+stderr, "HEADROOM_SCALING_MAX_REPLICA sets nothing", "did you mean HEADROOM_SCALING_MAX_REPLICAS?")
}

func TestAWrongValueInTheEnvironmentIsRefusedByTheVariablesName(t *testing.T) {
	t.Parallel()
	s := system.New(t, twoReplicas)
	s.Env = []string{"HEADROOM_SCALING_MAX_REPLICAS=lots"}
	refuses(t, s, []string{"run"}, "environment variable HEADROOM_SCALING_MAX_REPLICAS", "must be a whole number")
}
