package balancing

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"headroom.dev/headroom/test/system"
)

// findTool looks on PATH, in $TEST_TOOLS and in bin/tools of the module.
func findTool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{os.Getenv("TEST_TOOLS"), filepath.Join(system.Root(), "bin", "tools")} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); dir != "" && err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	t.Skipf("%s is not on PATH, in $TEST_TOOLS or in bin/tools: skipped", name)
	return ""
}

// TestH2specPassesThroughTheBinary runs summerwind/h2spec (generic, hpack and http2), whole, over prior knowledge and over TLS.
func TestH2specPassesThroughTheBinary(t *testing.T) {
	tool := findTool(t, "h2spec")
	origin := plainOrigin(t)
	plain := balance(t, [][]string{{origin}})
	secure := balanceSecurely(t, origin, "")
	for name, test := range map[string]struct {
		address string
		args    []string
	}{
		"prior knowledge": {plain.listens[0], nil},
		"TLS":             {secure.listens[0], []string{"-t", "-k"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, port, err := net.SplitHostPort(test.address)
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(tool, append([]string{"-h", "127.0.0.1", "-p", port, "-o", "5"}, test.args...)...).CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte(", 0 failed")) {
				t.Fatalf("h2spec: %v\n%s", err, out)
			}
		})
	}
}
