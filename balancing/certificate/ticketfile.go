package certificate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ticketFile is the path of the file that keeps the secrets of session tickets for the next process; none if it is empty.
type ticketFile string

// keptSecret is a secret in the file, which has a list of them, the newest first.
type keptSecret struct {
	Made   time.Time `json:"made"`
	Secret []byte    `json:"secret"` // 32 bytes
}

// read returns the secrets that were kept and still count, if there are any. A file that others can read is not believed: they may have.
func (f ticketFile) read(now time.Time) ([]secret, error) {
	if f == "" {
		return nil, nil
	}
	file, err := os.Open(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has the mode %#o, expected 0600", f, info.Mode().Perm())
	}
	var kept []keptSecret
	if err := json.NewDecoder(file).Decode(&kept); err != nil {
		return nil, fmt.Errorf("read %s: %w", f, err)
	}
	var list []secret
	for _, k := range kept {
		if len(k.Secret) != len(secret{}.value) {
			return nil, fmt.Errorf("%s has a secret of %d bytes, expected %d", f, len(k.Secret), len(secret{}.value))
		}
		if age := now.Sub(k.Made); age >= 0 && age < ticketSecrets*ticketRotation { // of the future, where the clock was set back
			list = append(list, secret{[32]byte(k.Secret), k.Made})
		}
	}
	slices.SortFunc(list, func(a, b secret) int { return b.made.Compare(a.made) })
	return list[:min(len(list), ticketSecrets)], nil
}

// write replaces the file, so that whoever reads it gets the one before or this one.
func (f ticketFile) write(list []secret) error {
	if f == "" {
		return nil
	}
	kept := make([]keptSecret, len(list))
	for i, s := range list {
		kept[i] = keptSecret{s.made, s.value[:]}
	}
	data, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(string(f)), filepath.Base(string(f))+".*") // mode 0600; two processes may write at once
	if err != nil {
		return err
	}
	_, err = next.Write(data)
	if err := errors.Join(err, next.Sync(), next.Close()); err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return os.Rename(next.Name(), string(f))
}
