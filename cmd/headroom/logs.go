package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/api/client"
)

// maxLogLines is the most that one request for a replica's output asks for.
const maxLogLines = 10000

// followedLines is how many lines a replica may write within a second without --follow losing some.
const followedLines = 1000

func newLogsCommand(a *app) *cobra.Command {
	var lines int
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs SERVICE[/REPLICA]",
		Short: "Show the last output of replicas",
		Long: `Show the last output of one replica, or of all replicas of a service; then each line begins with the
replica's name.`,
		Example:           "  headroom logs shop -n 20\n  headroom logs shop/shop-3 --follow",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeOne(logNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if lines < 1 || lines > maxLogLines {
				return usagef(usageHint(cmd), "--lines %d: expected 1 to %d", lines, maxLogLines)
			}
			service, replica, _ := strings.Cut(args[0], "/")
			remote, err := a.connect()
			if err != nil {
				return err
			}
			l := &logReader{a: a, remote: remote, service: service, replica: replica, lines: lines, want: lines, seen: map[string][]string{}}
			if follow {
				l.want = max(lines, followedLines)
			}
			return l.run(cmd.Context(), follow)
		},
	}
	cmd.Flags().IntVarP(&lines, "lines", "n", 100, "how `many` lines of each replica")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new lines, until Ctrl-C")
	must(cmd.RegisterFlagCompletionFunc("lines", cobra.NoFileCompletions))
	return cmd
}

// logReader reads the output of replicas again and again, and shows what is new.
type logReader struct {
	a                *app
	remote           *client.Client
	service, replica string              // replica is empty for all
	lines            int                 // shown at first
	want             int                 // asked for each time
	seen             map[string][]string // what was last read, by replica
}

func (l *logReader) run(ctx context.Context, follow bool) error {
	first := true
	for {
		err := l.once(ctx, first)
		if ctx.Err() != nil && follow {
			return nil // Ctrl-C is how one leaves
		}
		if err != nil || !follow {
			return err
		}
		first = false
		if !l.a.tick(ctx, watchInterval) {
			return nil
		}
	}
}

func (l *logReader) once(ctx context.Context, first bool) error {
	replicas, err := l.replicas(ctx)
	if err != nil {
		return err
	}
	for _, replica := range replicas {
		lines, err := l.remote.Logs(ctx, l.service, replica, l.want)
		if err != nil && !first && l.replica == "" {
			continue // it went away between the two questions
		}
		if err != nil {
			return err
		}
		fresh := newLines(l.seen[replica], lines)
		if _, known := l.seen[replica]; !known && len(fresh) > l.lines {
			fresh = fresh[len(fresh)-l.lines:]
		}
		l.seen[replica] = lines
		if err := l.write(replica, fresh); err != nil {
			return err
		}
	}
	return nil
}

// replicas are the names of those to read.
func (l *logReader) replicas(ctx context.Context) ([]string, error) {
	services, err := l.remote.Status(ctx, "")
	if err != nil {
		return nil, err
	}
	service, err := findService(services, l.service)
	if err != nil {
		return nil, err
	}
	all := namesOf(slices.SortedFunc(slices.Values(service.Replicas), byOrdinal), func(r headroom.Replica) string { return r.Name })
	if l.replica == "" {
		return all, nil
	}
	if !slices.Contains(all, l.replica) {
		return nil, unknownName("replica", l.replica, all)
	}
	return []string{l.replica}, nil
}

func (l *logReader) write(replica string, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	answer := api.LogLines{Service: l.service, Replica: replica, Lines: lines}
	return l.a.printLine(l.a.out, answer, func(w io.Writer, s style) error {
		for _, line := range lines {
			if l.replica == "" {
				line = s.quiet(replica+" |") + " " + line
			}
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
		return nil
	})
}

// newLines are those of now that are not in before, where now is a later look at the end of the same growing text: it
// begins somewhere in before, so the longest end of before that now begins with, is what was seen already. When nothing
// fits all is new, since more was written in between than was asked for.
func newLines(before, now []string) []string {
	for skip := 0; skip < len(before); skip++ {
		overlap := before[skip:]
		if len(overlap) <= len(now) && slices.Equal(overlap, now[:len(overlap)]) {
			return now[len(overlap):]
		}
	}
	return now
}
