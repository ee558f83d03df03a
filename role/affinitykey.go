package role

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// affinityKeyFile keeps the secret that signs the cookies of session affinity: 32 bytes, mode 0600. It stays for good: who has it can choose the
// backend that they get, and no more.
const affinityKeyFile = "affinity-key"

const affinityKeyLength = 32

// affinityKey reads the secret, or makes one where there is none, so that sessions outlive reloads, restarts and upgrades. Where it cannot be
// kept sessions last as long as the process.
func affinityKey(dir string, log *slog.Logger) []byte {
	path := filepath.Join(dir, affinityKeyFile)
	key, err := readAffinityKey(path)
	if err == nil {
		return key
	}
	if !errors.Is(err, fs.ErrNotExist) {
		log.Warn("cannot use the key of session affinity that was kept; a new one is made, and clients may move to another backend", "error", err)
	}
	key = make([]byte, affinityKeyLength)
	rand.Read(key) // never fails: it ends the process rather than return without randomness
	if err := writeAffinityKey(path, key); err != nil {
		log.Warn("cannot keep the key of session affinity; clients may move to another backend after a restart", "error", err)
	}
	return key
}

// readAffinityKey does not believe a file that others can read: they may have.
func readAffinityKey(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has the mode %#o, expected 0600", path, info.Mode().Perm())
	}
	key, err := io.ReadAll(io.LimitReader(file, affinityKeyLength+1))
	if err != nil {
		return nil, err
	}
	if len(key) != affinityKeyLength {
		return nil, fmt.Errorf("%s has %d bytes, expected %d", path, info.Size(), affinityKeyLength)
	}
	return key, nil
}

// writeAffinityKey replaces the file as a whole.
func writeAffinityKey(path string, key []byte) error {
	next, err := os.CreateTemp(filepath.Dir(path), affinityKeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = next.Write(key)
	if err := errors.Join(err, next.Sync(), next.Close()); err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return os.Rename(next.Name(), path)
}
