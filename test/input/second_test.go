package input

import (
	"fmt"
	"testing"
	"time"
)

func TestASecondHeadroomOnTheSameStateIsRefusedAndTheFirstIsNotDisturbed(t *testing.T) {
	t.Parallel()
	s, first := startTwo(t)
	undisturbed(t, s, func() {
		for _, command := range []string{"run", "balancer", "monitor", "scaler"} {
			second := s.Start(command)
			if code := second.Wait(20 * time.Second); code != 1 {
				t.Errorf("headroom %s: exit code %d, expected 1", command, code)
			}
			contains(t, second.Errors(), "another headroom", fmt.Sprintf("pid %d", first.PID()), "stop it first")
		}
	})
}
