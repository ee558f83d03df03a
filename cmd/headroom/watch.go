package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// watchInterval is how often --watch looks again: measurements are made once a second.
const watchInterval = time.Second

func (a *app) addWatchFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&a.flags.watch, "watch", "w", false, "look again each second, until Ctrl-C")
}

// draw is one look at the running headroom: it returns the value as the API gave it, and how people see it.
type draw func(context.Context) (value any, people func(io.Writer, style) error, err error)

// show prints one look, or with --watch one each second: redrawn in place on a terminal, one after the other elsewhere.
// The first look must succeed; later ones may fail while headroom is restarted, and say so.
func (a *app) show(ctx context.Context, look draw) error {
	value, people, err := look(ctx)
	if err != nil {
		return err
	}
	if !a.flags.watch {
		return a.print(a.out, value, people)
	}
	redraw := a.isTerminal(a.out) && a.flags.output == formatTable
	if redraw {
		fmt.Fprint(a.out, "\x1b[H\x1b[2J") // cursor home, clear all
	}
	for {
		if err := a.drawOnce(value, people, err, redraw); err != nil {
			return err
		}
		if !a.tick(ctx, watchInterval) {
			return nil
		}
		value, people, err = look(ctx)
		if ctx.Err() != nil {
			return nil // Ctrl-C is how one leaves
		}
	}
}

func (a *app) drawOnce(value any, people func(io.Writer, style) error, failed error, redraw bool) error {
	if failed != nil {
		if redraw {
			fmt.Fprint(a.out, "\x1b[H")
		}
		fmt.Fprintf(a.errOut, "%s %s\n", a.errorStyle().failure("headroom:"), errorMessage(failed))
		return nil
	}
	if !redraw {
		return a.printLine(a.out, value, people)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n\n", a.style().quiet(a.now().Format(time.TimeOnly)+", each second, Ctrl-C ends"))
	if err := people(&b, a.style()); err != nil {
		return err
	}
	// Each line is overwritten and its rest cleared, and what is left below as well: no flicker, unlike clearing all.
	_, err := io.WriteString(a.out, "\x1b[H"+strings.ReplaceAll(b.String(), "\n", "\x1b[K\n")+"\x1b[J")
	return err
}
