// Package scaling_test proves, through the real binary with real replicas, that headroom scales in time and without a
// failed request, and that whatever is killed, nothing is doubled, orphaned or forgotten.
package scaling_test

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
