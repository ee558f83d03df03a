package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

const (
	filePrefix    = "file:"    // the value is in a file
	literalPrefix = "literal:" // the value follows as it is, even if it begins with "file:"
	maxSecret     = 64 << 10   // bytes; a certificate chain fits, a log file given by mistake does not
)

// readSecret reads the file of a secret and drops the line end that editors add.
func readSecret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("the secret cannot be read: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("the secret cannot be read: %w", err)
	}
	if len(content) > maxSecret {
		return "", fmt.Errorf("the secret in %s is larger than %d bytes", path, maxSecret)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		return "", fmt.Errorf("the secret in %s is empty", path)
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", fmt.Errorf("the secret in %s is not text", path)
	}
	return text, nil
}

// absolute resolves a path against a directory.
func absolute(path, dir string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
