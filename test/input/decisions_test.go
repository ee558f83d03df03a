package input

import (
	"fmt"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// awaitDecisions waits until n more decisions on shop have been made; there is one each second.
func awaitDecisions(t *testing.T, s *system.System, n int) {
	t.Helper()
	seen := map[string]bool{}
	s.Eventually(time.Duration(n+5)*time.Second, fmt.Sprintf("%d decisions are made", n), func() error {
		status, err := s.Status("shop")
		if err != nil {
			return err
		}
		if status.LastDecision != nil {
			seen[status.LastDecision.ID] = true
		}
		if len(seen) <= n { // the first was there before
			return fmt.Errorf("%d seen", len(seen))
		}
		return nil
	})
}
