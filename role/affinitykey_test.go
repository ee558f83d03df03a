package role

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestKeyOfAffinityIsTheSameAtTheNextStart(t *testing.T) {
	dir := t.TempDir()
	key := affinityKey(dir, quiet())
	if again := affinityKey(dir, quiet()); len(key) != 32 || !bytes.Equal(again, key) {
		t.Errorf("%x, then %x", key, again)
	}
	path := filepath.Join(dir, affinityKeyFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestKeyThatNobodyShouldTrustIsReplaced(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"others can read it": func(path string) error { return os.Chmod(path, 0o640) },
		"half of it":         func(path string) error { return os.Truncate(path, 16) },
		"too long":           func(path string) error { return os.Truncate(path, 33) },
	} {
		dir := t.TempDir()
		key := affinityKey(dir, quiet())
		if err := spoil(filepath.Join(dir, affinityKeyFile)); err != nil {
			t.Fatal(err)
		}
		next := affinityKey(dir, quiet())
		if bytes.Equal(next, key) || !bytes.Equal(affinityKey(dir, quiet()), next) {
			t.Errorf("%s: it was used on, or the new one was not kept", name)
		}
	}
	if key := affinityKey(filepath.Join(t.TempDir(), "missing"), quiet()); len(key) != 32 {
		t.Errorf("where none can be kept there are %d bytes", len(key))
	}
}
