// Package input proves through the real binary that wrong input of every kind (config files, environment, requests, a
// disk that is full, a port that is taken) gets a clear message, and that nothing is lost by it: the replicas that run
// keep running, as the same processes, and no request fails meanwhile.
package input

import (
	"os"
	"testing"

	"headroom.dev/headroom/test/system"
)

func TestMain(m *testing.M) {
	code := m.Run()
	system.Clean()
	os.Exit(code)
}
