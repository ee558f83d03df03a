package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"headroom.dev/headroom"
)

// CheckListen says whether the API may listen on an address: without a token on loopback only. It returns a
// *headroom.InvalidError otherwise.
func CheckListen(listen, token string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return &headroom.InvalidError{Field: "api.listen", Value: listen, Expected: `write HOST:PORT, such as "127.0.0.1:7070"`}
	}
	if number, err := strconv.Atoi(port); err != nil || number < 0 || number > 65535 {
		return &headroom.InvalidError{Field: "api.listen", Value: listen, Expected: `the port must be 0 to 65535, such as "127.0.0.1:7070"`}
	}
	if token == "" && !loopbackName(host) {
		return &headroom.InvalidError{Field: "api.listen", Value: listen,
			Expected: "an address other than loopback needs a token: set api.token or api.tokenFile, or listen on 127.0.0.1"}
	}
	return nil
}

// Loopback reports whether a listen address HOST:PORT is on loopback only, so that no token is needed.
func Loopback(listen string) bool { return CheckListen(listen, "") == nil }

// loopbackName reports whether a host, as in an address or a Host header, is certainly this machine. An empty host is
// not: it listens on every address.
func loopbackName(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761 §6.3
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.Unmap().IsLoopback()
}

// EnsureToken returns the token kept in a file, and makes a random one of 130 bits where there is no file yet. The file
// has mode 0600; one that others may read is refused, since then the token may be known to them.
func EnsureToken(path string) (string, error) {
	token, err := readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make the directory of the API token: %w", err)
	}
	if err := writeToken(path, rand.Text()); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("keep the new API token: %w", err)
	}
	// Read back: another process may have been first.
	return readToken(path)
}

// writeToken makes the file whole or not at all: a crash never leaves an empty token behind, and an existing file is
// never replaced (fs.ErrExist).
func writeToken(path, token string) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".api-token-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(token + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Link(file.Name(), path)
}

func readToken(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the API token: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("read the API token: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > 4096 {
		return "", &headroom.InvalidError{Field: "api.tokenFile", Value: path, Expected: "must be a file that holds one token"}
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", &headroom.InvalidError{Field: "api.tokenFile", Value: path,
			Expected: fmt.Sprintf("has mode %04o, so others may have read the token: remove the file to get a new token, or chmod 600 it", mode)}
	}
	data := make([]byte, info.Size())
	n, err := file.ReadAt(data, 0)
	if err != nil && n < len(data) {
		return "", fmt.Errorf("read the API token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if !validToken(token, 4096) {
		return "", &headroom.InvalidError{Field: "api.tokenFile", Value: path,
			Expected: "must hold one token of printable characters without spaces: remove the file to get a new token"}
	}
	return token, nil
}
