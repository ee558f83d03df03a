package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUpgradeSaysWhereNothingCanBeUpgraded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "headroom.yaml")
	if err := os.WriteFile(file, []byte("services: {shop: {run: /bin/true}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitError, "no headroom runs on the state in " + filepath.Dir(file)},
		{[]string{"balancer"}, exitError, "no headroom runs on the state in"},
		{[]string{"balancr"}, exitUsage, `did you mean "balancer"?`},
		{[]string{"balancer", "scaler"}, exitUsage, `does not take "scaler"`},
	} {
		got := cli{}.run(t, append([]string{"upgrade", "-c", file}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.errOut, c.want) {
			t.Errorf("headroom upgrade %v: exit code %d and %q, want %d and %q", c.args, got.code, got.errOut, c.code, c.want)
		}
	}
}
