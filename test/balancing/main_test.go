// Package balancing proves the data plane through the real binary: what the RFCs demand of a proxy, one row each; that real
// origins read what we send on as we counted it; that slow and hostile clients cost the others nothing; and that no response ever
// reaches another request.
package balancing

import (
	"testing"

	"headroom.dev/headroom/test/system"
)

func run(m *testing.M) int {
	defer system.Clean()
	return m.Run()
}
