package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/api/client"
)

// gateFlags demand a backtest of a change.
type gateFlags struct {
	history, load         string
	moreOutside, moreCost float64
	capacity              float64
	serviceTime, boot     time.Duration
}

func (g *gateFlags) add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&g.history, "gate", "", "make the change only if a backtest on the requests of this `time`, such as 7d, is not worse; exit code 4 if it is")
	set.StringVar(&g.load, "gate-load", "", "the same on the load in this CSV `file` of time,value, in requests per second")
	set.Float64Var(&g.moreOutside, "more-outside", 0.01, "what the gate allows: more requests outside the objective, in `percent` of all")
	set.Float64Var(&g.moreCost, "more-cost", 1, "what the gate allows: more replica-hours, in `percent`")
	set.Float64Var(&g.capacity, "capacity", 0, "of the gate: `requests` per second that a replica answers at most; derived from the targets where not given")
	set.DurationVar(&g.serviceTime, "service-time", 50*time.Millisecond, "of the gate: `time` that a request takes when it does not wait")
	set.DurationVar(&g.boot, "boot", 5*time.Second, "of the gate: `time` from the start of a replica to ready")
	cmd.MarkFlagsMutuallyExclusive("gate", "gate-load")
	must(cmd.MarkFlagFilename("gate-load", "csv"))
}

// demand is the gate that the flags ask for; without --gate and --gate-load that of the policy's file, if it has one.
func (g *gateFlags) demand(a *app, cmd *cobra.Command, written *headroom.Gate) (*headroom.Gate, error) {
	set := cmd.Flags()
	if g.history == "" && g.load == "" {
		for _, name := range []string{"more-outside", "more-cost", "capacity", "service-time", "boot"} {
			if set.Changed(name) {
				return nil, usagef(usageHint(cmd), "--%s needs --gate or --gate-load", name)
			}
		}
		return written, nil
	}
	history, err := optionalDuration("gate", g.history)
	if err != nil {
		return nil, err
	}
	gate := &headroom.Gate{History: headroom.Duration(history), MoreOutside: g.moreOutside, MoreCost: g.moreCost, Capacity: g.capacity,
		ServiceTime: headroom.Duration(g.serviceTime), Boot: headroom.Duration(g.boot)}
	if g.load != "" {
		_, text, err := a.readInput(g.load)
		if err != nil {
			return nil, err
		}
		gate.Load = string(text)
	}
	return gate, errors.Join(gate.Validate("gate")...)
}

// printChanged prints a policy that was made or changed, and what the gate said.
func (a *app) printChanged(answer api.PolicyAnswer, dryRun bool, err error) error {
	var refused *client.Error
	if errors.As(err, &refused) && refused.Gate != nil {
		if err := a.print(a.out, refused.Gate, func(w io.Writer, s style) error { return writeGate(w, s, *refused.Gate) }); err != nil {
			return err
		}
		return &gateError{refused}
	}
	if err != nil {
		return err
	}
	return a.print(a.out, answer, func(w io.Writer, s style) error {
		_, err := fmt.Fprintf(w, "%s%s: %s\n", dryRunPrefix(dryRun), s.heading(answer.ID), answer.Summary())
		if err != nil || answer.Gate == nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		return writeGate(w, s, *answer.Gate)
	})
}

// gateError says that a gate refused a change; the exit code is then 4.
type gateError struct{ refused *client.Error }

func (e *gateError) Error() string { return e.refused.Error() }
func (e *gateError) Hint() string {
	return "change the policy, or allow more with --more-outside and --more-cost"
}

func writeGate(w io.Writer, s style, r headroom.GateReport) error {
	const layout = "2006-01-02 15:04"
	if _, err := fmt.Fprintf(w, "backtest on the load from %s to %s:\n\n", r.From.UTC().Format(layout), r.To.UTC().Format(layout)); err != nil {
		return err
	}
	t := newTable(s, "POLICIES", ">REPLICA-HOURS", ">COST", ">OUTSIDE", ">REQUESTS OUTSIDE", ">EVENTS", ">WORST RECOVERY", ">P95")
	for _, row := range []struct {
		name   string
		result headroom.GateResult
	}{{"in force", r.Current}, {"proposed", r.Proposed}} {
		cost := ""
		if row.result.Cost != nil {
			cost = row.result.Cost.String()
		}
		t.add(text(row.name), number(replicaHoursText(row.result.ReplicaHours)), number(cost), number(fmt.Sprintf("%dm", row.result.OutsideMinutes)),
			number(fmt.Sprintf("%.0f (%.3f%%)", row.result.Outside, row.result.OutsidePercent())), number(strconv.Itoa(row.result.ScaleEvents)),
			number(row.result.WorstRecovery.String()), number(latencyText(&row.result.P95)))
	}
	if err := t.write(w); err != nil {
		return err
	}
	if len(r.Notes) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(r.Notes, "\n"))
	return err
}

// replicaHoursText has one decimal, and more of the few hours of a short load.
func replicaHoursText(hours float64) string {
	decimals := 1
	if hours < 10 {
		decimals = 3
	}
	return strconv.FormatFloat(hours, 'f', decimals, 64)
}
