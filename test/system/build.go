// Package system starts the real binary with real replicas for tests of behavior: it builds headroom and the sample
// service, gives each test its own directory and ports, and leaves no process behind.
package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

var (
	buildOnce sync.Once
	buildDir  string
	errBuild  error
)

// Binaries builds headroom and shop once for a test process, with the race detector where the tests have it, and returns
// the directory that holds both.
func Binaries(t testing.TB) string {
	t.Helper()
	buildOnce.Do(func() { buildDir, errBuild = build() })
	if errBuild != nil {
		t.Fatal(errBuild)
	}
	return buildDir
}

func build() (string, error) {
	dir, err := os.MkdirTemp("", "headroom-test-bin")
	if err != nil {
		return "", err
	}
	for _, target := range []struct {
		name, pkg string
		race      bool
	}{{"headroom", "./cmd/headroom", raceEnabled}, {"shop", "./examples/shop", false}} {
		args := []string{"build", "-o", filepath.Join(dir, target.name)}
		if target.race {
			args = append(args, "-race")
		}
		build := exec.Command("go", append(args, target.pkg)...)
		build.Dir = Root()
		if output, err := build.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("build %s: %w\n%s", target.name, err, output)
		}
	}
	return dir, nil
}

// Clean removes what Binaries built; call it at the end of TestMain.
func Clean() { os.RemoveAll(buildDir) }

// Root is the directory of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}
