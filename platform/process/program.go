package process

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
)

// program is a command that has been found on this machine.
type program struct {
	path        string
	args        []string // as written, with {{port}}
	dir         string
	credential  *syscall.Credential // nil is our own
	environment [][2]string         // that comes with the user
	variables   map[string]string   // that the user of headroom adds, with {{port}}
}

// resolve finds the program, the directory and the user of a command. Every error wraps ErrInvalidWorkload and says
// what to change.
func resolve(run headroom.Run) (program, error) {
	found := program{args: run.Command, dir: run.WorkingDirectory, variables: run.Environment}
	if len(run.Command) == 0 || run.Command[0] == "" {
		return found, invalid("run.command is empty: write the program to start, such as \"./shop --port {{port}}\"")
	}
	if found.dir == "" {
		dir, err := os.Getwd()
		if err != nil {
			return found, fmt.Errorf("find the working directory: %w", err)
		}
		found.dir = dir
	}
	info, err := os.Stat(found.dir)
	if err != nil || !info.IsDir() {
		return found, invalid("run.workingDirectory %s is not a directory that can be read: create it, or correct the path", found.dir)
	}
	if found.path, err = lookUp(run.Command[0], found.dir, run.Environment["PATH"]); err != nil {
		return found, err
	}
	if run.User != "" {
		if found.credential, found.environment, err = credentialOf(run.User); err != nil {
			return found, err
		}
	}
	return found, nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", headroom.ErrInvalidWorkload, fmt.Sprintf(format, args...))
}

// lookUp finds a program as a shell in dir would: a name with a slash is a path, any other is looked for in PATH.
func lookUp(name, dir, path string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, executable(name)
	}
	if path == "" {
		path = os.Getenv("PATH")
	}
	var unusable error
	for _, folder := range filepath.SplitList(path) {
		candidate := filepath.Join(folder, name)
		if !filepath.IsAbs(candidate) {
			candidate = filepath.Join(dir, candidate)
		}
		err := executable(candidate)
		if err == nil {
			return candidate, nil
		}
		if exists(candidate) && unusable == nil {
			unusable = err
		}
	}
	if unusable != nil {
		return "", unusable
	}
	return "", invalid("the program %q of run.command is not in PATH (%s): install it, or write its path", name, path)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return invalid("the program %s of run.command does not exist: build it, or correct the path", path)
	case err != nil:
		return invalid("the program %s of run.command cannot be read: %v", path, err)
	case info.IsDir():
		return invalid("the program %s of run.command is a directory", path)
	case unix.Access(path, unix.X_OK) != nil:
		return invalid("the program %s of run.command is not executable: chmod +x it", path)
	}
	return nil
}

func credentialOf(name string) (*syscall.Credential, [][2]string, error) {
	account, err := user.Lookup(name)
	if err != nil {
		account, err = user.LookupId(name)
	}
	if err != nil {
		return nil, nil, invalid("run.user %q does not exist on this machine: create it, or name another", name)
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	if uidErr != nil || gidErr != nil {
		return nil, nil, invalid("run.user %q has no numeric id", name)
	}
	if int(uid) == os.Geteuid() {
		return nil, nil, nil
	}
	if os.Geteuid() != 0 {
		return nil, nil, invalid("run.user %q needs headroom to run as root: start headroom as root, or leave run.user out", name)
	}
	credential := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	groups, _ := account.GroupIds()
	for _, group := range groups {
		if id, err := strconv.ParseUint(group, 10, 32); err == nil {
			credential.Groups = append(credential.Groups, uint32(id))
		}
	}
	return credential, [][2]string{{"HOME", account.HomeDir}, {"USER", account.Username}, {"LOGNAME", account.Username}}, nil
}
