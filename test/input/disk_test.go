package input

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// smallDisk mounts a disk of 32 MiB until the test ends. The state of an idle headroom is about 1 MiB.
func smallDisk(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a disk that can be filled needs root, to mount a tmpfs")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("a disk that can be filled needs the right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		// Lazily: the replicas, which still have their output there, are killed after this.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

// fill writes a file until no byte fits on the disk any more.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for size := 1 << 20; size > 0; {
		if _, err := file.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// awaitRefusal fills the disk until an order is refused: pages of the state file that are free take a few more.
func awaitRefusal(t *testing.T, s *system.System, fill func()) {
	t.Helper()
	s.Eventually(20*time.Second, "an order is refused", func() error {
		fill()
		if a := send(t, s, http.MethodPut, "/api/balancer/backends/shop-1", `{"weight":1}`); a.status < 400 {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	})
}

func TestAFullDiskStopsNoTrafficAndNoReplicaAndHeadroomGoesOnByItselfOnceThereIsSpace(t *testing.T) {
	t.Parallel()
	s := system.New(t, strings.Replace(twoReplicas, "services:\n", "state:\n  dir: small\nservices:\n", 1))
	disk := filepath.Join(s.Dir, "small")
	smallDisk(t, disk)
	p := s.Run()
	s.WaitReplicas("shop", 2, 20*time.Second)
	ballast := filepath.Join(disk, "ballast")
	running := replicaProcesses(t, s)
	undisturbed(t, s, func() {
		fill(t, ballast)
		awaitRefusal(t, s, func() { fill(t, ballast) })
		a := send(t, s, http.MethodPost, "/api/scaling/scale", `{"service":"shop","replicas":3,"for":"1h"}`)
		if a.status < 400 || a.problem.Hint == "" || !strings.Contains(a.problem.Detail, "no space left on device") {
			t.Errorf("an order on a full disk: %d %s", a.status, a.body)
		}
		if a := send(t, s, http.MethodGet, "/api/scaling/status", ""); a.status != http.StatusOK {
			t.Errorf("the status on a full disk: %d %s", a.status, a.body)
		}
		_, stderr, code := s.Command("policies", "add", "shop", "p", "--metric", "cpu", "--threshold", "99")
		if code != 1 {
			t.Errorf("a policy on a full disk: exit code %d", code)
		}
		contains(t, stderr, "no space left on device")
	})
	contains(t, p.Errors(), "no space left on device")

	// A headroom that is killed meanwhile serves again, with the same replicas, though it can write nothing.
	p.Kill()
	p = s.Start("run")
	s.Eventually(10*time.Second, "requests are answered again", func() error { return askPath(s.Traffic, "/") })
	s.WaitReady(p)
	undisturbed(t, s, func() { awaitRefusal(t, s, func() { fill(t, ballast) }) })
	if adopted := replicaProcesses(t, s); !maps.Equal(adopted, running) {
		t.Errorf("the replicas were %v and are %v", running, adopted)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	before := s.WaitReplicas("shop", 2, 10*time.Second)
	s.Eventually(10*time.Second, "orders are taken again", func() error {
		a := send(t, s, http.MethodPost, "/api/scaling/scale", `{"service":"shop","replicas":3,"for":"1h"}`)
		if a.status != http.StatusAccepted {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	})
	after := s.WaitReplicas("shop", 3, 20*time.Second)
	for name, pid := range before {
		if after[name] != pid {
			t.Errorf("%v became %v", before, after)
		}
	}
}
