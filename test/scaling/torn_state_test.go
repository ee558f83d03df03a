package scaling_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"headroom.dev/headroom/test/system"
)

// However the state file is damaged while headroom is down, either its last snapshot takes its place or headroom refuses
// to start and says what to do; the replicas run on, and none is doubled.
func TestADamagedStateFileIsRecoveredOrRefusedAndReplicasAreNeitherDoubledNorLost(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	stateFile := filepath.Join(s.Dir, ".headroom", "state.db")
	p := s.Run()
	replicas := s.WaitReplicas("shop", 3, 10*time.Second)
	c := s.Watch()

	// Without a snapshot: refused.
	p.Kill()
	_ = os.Remove(stateFile + ".snapshot")
	damage(t, stateFile, func(content []byte) []byte { return content[:len(content)/100] })
	p = s.Start("run")
	if code := p.Wait(10 * time.Second); code == 0 {
		t.Error("exit code 0 on a piece of a state file")
	}
	for _, text := range []string{"state.db is damaged", "move it", "running replicas are not touched"} {
		if !strings.Contains(p.Errors(), text) {
			t.Errorf("it does not say %q:\n%s", text, p.Errors())
		}
	}
	s.RunExactly(replicas)

	// Moved away, as it says: headroom starts with empty state and adopts what runs.
	if err := os.Rename(stateFile, stateFile+".away"); err != nil {
		t.Fatal(err)
	}
	p = s.Run()
	samePIDs(t, replicas, s.WaitReplicas("shop", 3, 5*time.Second))

	// A clean stop takes a snapshot. Whatever happens to the file after that, it is recovered.
	for what, change := range map[string]func([]byte) []byte{
		"cut off":     func(content []byte) []byte { return content[:len(content)/100] },
		"emptied":     func([]byte) []byte { return nil },
		"overwritten": func(content []byte) []byte { return []byte(strings.Repeat("garbage\n", len(content)/8)) },
	} {
		p.Signal(syscall.SIGTERM)
		p.Wait(10 * time.Second)
		damage(t, stateFile, change)
		p = s.Run()
		samePIDs(t, replicas, s.WaitReplicas("shop", 3, 5*time.Second))
		s.RunExactly(replicas)
		if !strings.Contains(p.Errors(), "the last snapshot took its place") {
			t.Errorf("%s: it does not say that it recovered the state:\n%s", what, p.Errors())
		}
	}
	system.NoneFailed(t, s.Send("1s@60").Wait())
	if most := c.AtOnce(); most != 3 {
		t.Errorf("%d replicas ran at once, though 3 are wanted", most)
	}
}

func TestAStateFileOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	stateFile := filepath.Join(s.Dir, ".headroom", "state.db")
	p := s.Run()
	replicas := s.WaitReplicas("shop", 3, 10*time.Second)
	p.Signal(syscall.SIGTERM)
	p.Wait(10 * time.Second)
	for version, text := range map[string]string{"0": "was written by an older headroom", "999": "was written by a newer headroom"} {
		setSchema(t, stateFile, version)
		p = s.Start("run")
		if code := p.Wait(10 * time.Second); code == 0 {
			t.Errorf("schema %s: exit code 0", version)
		}
		if !strings.Contains(p.Errors(), text) {
			t.Errorf("schema %s: it does not say %q:\n%s", version, text, p.Errors())
		}
		s.RunExactly(replicas)
	}
	setSchema(t, stateFile, "1")
	s.Run()
	samePIDs(t, replicas, s.WaitReplicas("shop", 3, 5*time.Second))
}

// A replica's own record that is torn is no reason to lose the others: its process is stopped and another one started.
func TestATornRecordOfAReplicaCostsThatReplicaOnly(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	p := s.Run()
	before := s.WaitReplicas("shop", 3, 10*time.Second)
	p.Kill()
	records, err := filepath.Glob(filepath.Join(s.Dir, ".headroom", "replicas", "records", "shop", "*.json"))
	if err != nil || len(records) != 3 {
		t.Fatalf("records %v, %v", records, err)
	}
	torn := strings.TrimSuffix(filepath.Base(records[1]), ".json")
	damage(t, records[1], func(content []byte) []byte { return content[:len(content)/2] })
	s.Run()
	after := s.WaitReplicas("shop", 3, 10*time.Second)
	s.RunExactly(after)
	kept := maps.Clone(before)
	delete(kept, torn)
	for name, pid := range kept {
		if after[name] != pid {
			t.Errorf("%s was process %d and is %d", name, pid, after[name])
		}
	}
}

func damage(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func setSchema(t *testing.T, path, version string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("about")).Put([]byte("schema"), []byte(version)) })
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
