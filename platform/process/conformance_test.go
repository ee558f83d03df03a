package process

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
	"headroom.dev/headroom/platform/conformance"
)

func TestProcessesConform(t *testing.T) {
	conformance.Test(t, func(t *testing.T) conformance.World {
		dir := t.TempDir()
		return conformance.World{
			Platform: newPlatform(t, dir),
			Workload: growth("serve").Workload,
			Crash: func(t testing.TB, replica headroom.Replica) {
				if err := unix.Kill(replica.PID, unix.SIGKILL); err != nil {
					t.Fatal(err)
				}
			},
			Reopen: func(t testing.TB) headroom.Platform {
				p, err := New(Options{Dir: dir, Probe: probeHTTP})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = p.Close() }) // what is left is stopped by the first one's cleanup
				return p
			},
			Elapse: func() { <-time.After(time.Millisecond) },
		}
	})
}
