package process

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
)

// shimName is the hidden command of our own binary that joins control groups and then becomes the replica: version 1
// groups can only be joined by a process that runs, and a replica that joined later could have forked before.
const shimName = "exec-shim"

type shimOrder struct {
	Join       []string // files that a process joins by writing to
	Path       string
	Args       []string
	Credential *syscall.Credential
}

func shimCommand(join []string, path string, args []string, credential *syscall.Credential) (string, []string, error) {
	order, err := json.Marshal(shimOrder{Join: join, Path: path, Args: args, Credential: credential})
	if err != nil {
		return "", nil, fmt.Errorf("encode the order to the shim: %w", err)
	}
	// Not os.Executable: an upgrade may have replaced the file by another version or none.
	return "/proc/self/exe", []string{"headroom", shimName, string(order)}, nil
}

// RunShimIfAsked must be the first call of main of every program that uses this package. It returns at once, unless
// the program was started by this package as a shim: then it never returns.
func RunShimIfAsked(args []string) {
	if len(args) != 3 || args[1] != shimName {
		return
	}
	err := runShim(args[2])
	fmt.Fprintf(os.Stderr, "headroom: cannot start the replica: %v\n", err)
	os.Exit(127) // as a shell does for a command that cannot be started
}

// runShim returns only where it fails.
func runShim(text string) error {
	var order shimOrder
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	for _, path := range order.Join {
		if err := os.WriteFile(path, []byte("0"), 0); err != nil {
			// The group may be gone; a replica without its limit is better than none.
			fmt.Fprintf(os.Stderr, "headroom: a limit of this replica is not enforced: %v\n", err)
		}
	}
	if c := order.Credential; c != nil {
		groups := make([]int, len(c.Groups))
		for i, id := range c.Groups {
			groups[i] = int(id)
		}
		if err := syscall.Setgroups(groups); err != nil {
			return fmt.Errorf("change to the groups of the user: %w", err)
		}
		if err := syscall.Setgid(int(c.Gid)); err != nil {
			return fmt.Errorf("change to the group of the user: %w", err)
		}
		if err := syscall.Setuid(int(c.Uid)); err != nil {
			return fmt.Errorf("change to the user: %w", err)
		}
	}
	return fmt.Errorf("%s: %w", order.Path, syscall.Exec(order.Path, order.Args, os.Environ()))
}
