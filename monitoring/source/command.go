package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"headroom.dev/headroom"
)

const (
	// mostOutput of a program is kept: it is to be one number.
	mostOutput = 64 << 10
	// endDelay is how long output is awaited after the program has ended, or was killed.
	endDelay = time.Second
)

// command reads the number that a program prints.
type command struct {
	run headroom.Command
	dir string // that the program runs in; "" is ours
}

func (c command) Read(ctx context.Context) (float64, error) {
	if len(c.run) == 0 {
		return 0, errors.New("there is no program to run")
	}
	program := exec.CommandContext(ctx, c.run[0], c.run[1:]...)
	var out, complaint bounded
	program.Stdout, program.Stderr = &out, &complaint
	program.Dir, program.Env = c.dir, environment()
	// A group of its own, so that what it starts is killed with it, and so that a Ctrl-C in a terminal is not for it.
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	program.Cancel = func() error { return killGroup(program.Process.Pid) }
	program.WaitDelay = endDelay
	err := program.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		_ = killGroup(program.Process.Pid) // what it left behind holds its output, so the group is still there
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return 0, fmt.Errorf("%s did not end before its timeout and was killed", c.run[0])
	case errors.Is(err, exec.ErrWaitDelay):
		return 0, fmt.Errorf("%s ended and left a program behind that held its output, which was killed", c.run[0])
	case err != nil:
		return 0, fmt.Errorf("%s: %w%s", c.run[0], err, said(complaint.text.String()))
	case out.cut:
		return 0, fmt.Errorf("%s printed more than %d KiB: expected one number", c.run[0], mostOutput>>10)
	}
	text := strings.TrimSpace(out.text.String())
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%s printed %q: expected one number", c.run[0], clip(text))
	}
	return value, nil
}

func killGroup(leader int) error { return syscall.Kill(-leader, syscall.SIGKILL) }

// environment is ours without headroom's settings, among which is its token.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "HEADROOM_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

func said(complaint string) string {
	complaint = strings.TrimSpace(complaint)
	if complaint == "" {
		return ""
	}
	return ": " + clip(complaint)
}

// bounded keeps the beginning of what is written. The buffer is not embedded: its ReadFrom would have no bound.
type bounded struct {
	text bytes.Buffer
	cut  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := min(mostOutput-b.text.Len(), len(p))
	b.cut = b.cut || room < len(p)
	b.text.Write(p[:room])
	return len(p), nil
}
