package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom/api"
	"headroom.dev/headroom/api/client"
	"headroom.dev/headroom/scaling/record"
)

// maxListed is the most that the API lists at once.
const maxListed = 1000

func newDecisionsCommand(a *app) *cobra.Command {
	var query client.ListOptions
	var changes bool
	cmd := &cobra.Command{
		Use:   "decisions",
		Short: "List the decisions on the number of replicas, oldest first",
		Long: `List the decisions on the number of replicas, oldest first. One is made each second; those in a row that say
the same and change nothing are one line, with their number and from when to when they were made.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if query.Limit < 1 || query.Limit > maxListed {
				return usagef(usageHint(cmd), "--limit %d: expected 1 to 1000", query.Limit)
			}
			return a.listDecisions(cmd.Context(), query, changes)
		},
	}
	set := cmd.Flags()
	set.StringVar(&query.Service, "service", "", "only of this `service`")
	set.BoolVar(&changes, "changes", false, "only those that changed the number")
	set.IntVar(&query.Limit, "limit", 20, "at most so `many`, the newest ones; up to 1000")
	must(cmd.RegisterFlagCompletionFunc("service", a.complete(serviceNames)))
	must(cmd.RegisterFlagCompletionFunc("limit", cobra.NoFileCompletions))
	a.addWatchFlag(cmd)
	return cmd
}

func (a *app) listDecisions(ctx context.Context, query client.ListOptions, changes bool) error {
	remote, err := a.connect()
	if err != nil {
		return err
	}
	return a.show(ctx, func(ctx context.Context) (any, func(io.Writer, style) error, error) {
		list, err := remote.Decisions(ctx, query, changes)
		if err == nil && len(list) == 0 {
			err = a.checkService(ctx, remote, query.Service)
		}
		return api.DecisionList{Decisions: list}, func(w io.Writer, s style) error { return writeDecisions(w, s, a.now(), list) }, err
	})
}

// writeDecisions turns the list, which the API gives newest first: the newest is then where the eye is, above the prompt.
func writeDecisions(w io.Writer, s style, now time.Time, decisions []record.Listed) error {
	if len(decisions) == 0 {
		_, err := fmt.Fprintln(w, "no decisions")
		return err
	}
	t := newTable(s, "TIME", "ID", "SERVICE", ">FROM", ">TO", "CODE", "REASON")
	for _, d := range slices.Backward(decisions) {
		to := number(strconv.Itoa(d.To))
		switch {
		case d.To > d.From:
			to.paint = s.success
		case d.To < d.From:
			to.paint = s.warning
		}
		at, code := clockText(now, d.At), d.Code
		if d.Count > 1 {
			at += " to " + clockText(now, d.Last)
			code = fmt.Sprintf("%d × %s", d.Count, code)
		}
		t.add(text(at), text(d.ID), text(d.Service), number(strconv.Itoa(d.From)), to, text(code), text(d.Reason))
	}
	return t.write(w)
}
