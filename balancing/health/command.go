package health

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// commandLinger is how long what a check's program has left running may hold its output open.
const commandLinger = 100 * time.Millisecond

// probeCommand runs the program of the check, which is well when it ends with status 0. It is one process group, all of which ends with the
// check's time.
func (t Target) probeCommand(ctx context.Context) error {
	if len(t.Check.Command) == 0 {
		return fmt.Errorf("healthCheck.command is not given")
	}
	host, port, err := net.SplitHostPort(t.Address)
	if err != nil {
		return fmt.Errorf("address of the backend: %w", err)
	}
	places := strings.NewReplacer("{{address}}", t.Address, "{{host}}", host, "{{port}}", port)
	words := make([]string, len(t.Check.Command))
	for i, word := range t.Check.Command {
		words[i] = places.Replace(word)
	}
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = commandLinger
	command.Env = append(os.Environ(), "HEADROOM_ADDRESS="+t.Address, "HEADROOM_BACKEND="+t.ID)
	said := &firstBytes{}
	command.Stdout, command.Stderr = said, said
	if err := command.Run(); err != nil {
		text := ""
		if said.Len() > 0 {
			text = fmt.Sprintf(" %q", printable(said.Bytes()))
		}
		return fmt.Errorf("%s: %w%s", words[0], t.explain(ctx, err), text)
	}
	return nil
}

// firstBytes keeps the first bytes of what is written, as many as of a failed check are kept. The rest is taken and forgotten.
type firstBytes struct{ bytes.Buffer }

func (f *firstBytes) Write(p []byte) (int, error) {
	f.Buffer.Write(p[:min(len(p), bodyKept-min(f.Len(), bodyKept))])
	return len(p), nil
}
