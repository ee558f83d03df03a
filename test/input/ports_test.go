package input

import (
	"net"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// occupy listens on an address until the test ends.
func occupy(t *testing.T, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func TestAPortInUseIsNamedWithItsFieldAndNoReplicaIsLeftBehind(t *testing.T) {
	t.Run("of the traffic", func(t *testing.T) {
		t.Parallel()
		s := system.New(t, twoReplicas)
		occupy(t, s.Traffic)
		refuses(t, s, []string{"run"}, "loadBalancing.listen", s.Traffic, "address already in use")
	})
	t.Run("of the API", func(t *testing.T) {
		t.Parallel()
		s := system.New(t, twoReplicas)
		occupy(t, s.API)
		refuses(t, s, []string{"run"}, "api.listen", s.API, "address already in use")
	})
}

func TestAPortInUseAtARestartLeavesTheReplicasThatRunAlone(t *testing.T) {
	t.Parallel()
	s, first := startTwo(t)
	before := s.WaitReplicas("shop", 2, 20*time.Second)
	first.Kill()
	listener := occupy(t, s.API)
	second := s.Start("run")
	if code := second.Wait(20 * time.Second); code != 1 {
		t.Errorf("exit code %d, expected 1", code)
	}
	contains(t, second.Errors(), "api.listen", s.API)
	listener.Close()
	s.Run()
	after := s.WaitReplicas("shop", 2, 20*time.Second)
	for name, pid := range before {
		if after[name] != pid {
			t.Errorf("%v became %v", before, after)
			break
		}
	}
}
