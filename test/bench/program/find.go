//go:build linux

package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Find finds a program also where only root has it in the path; empty where this machine has none.
func Find(name string) string {
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	return ""
}

// Version is the first version that a program names when it is asked by an argument such as "-v", such as "1.22.1".
func Version(path, argument string) string {
	output, err := exec.Command(path, argument).CombinedOutput()
	if err != nil {
		return ""
	}
	return regexp.MustCompile(`\d+(\.\d+)+`).FindString(string(output))
}

// Need is a file or program and the Debian package that has it.
type Need struct{ File, Package string }

// ErrNotInstalled says which packages are missing where nothing may be installed.
var ErrNotInstalled = errors.New("not installed")

// Install installs the Debian packages of what is missing. It needs root and apt-get. The programs are for the benchmark
// alone: policy-rc.d keeps their packages from starting them as services of the machine.
func Install(ctx context.Context, needs []Need) error {
	missing := Missing(needs)
	if len(missing) == 0 {
		return nil
	}
	packages := strings.Join(missing, " ")
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("%w: %s; on Debian, as root: apt-get install %s", ErrNotInstalled, packages, packages)
	}
	const policy = "/usr/sbin/policy-rc.d"
	if _, err := os.Stat(policy); os.IsNotExist(err) {
		if os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755) == nil {
			defer os.Remove(policy)
		}
	}
	for _, args := range [][]string{{"update", "-qq"}, append([]string{"install", "-y", "-qq", "--no-install-recommends"}, missing...)} {
		command := exec.CommandContext(ctx, "apt-get", args...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", args[0], err, output)
		}
	}
	return nil
}

// Missing lists the packages of those needs that this machine lacks.
func Missing(needs []Need) []string {
	var packages []string
	for _, need := range needs {
		if filepath.IsAbs(need.File) {
			if _, err := os.Stat(need.File); err == nil {
				continue
			}
		} else if Find(need.File) != "" {
			continue
		}
		packages = append(packages, need.Package)
	}
	return packages
}
