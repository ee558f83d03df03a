package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
)

func newSLACommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "sla [SERVICE]",
		Short:             "Show how each service keeps its objective",
		Args:              arguments(0, 1),
		ValidArgsFunction: a.completeOne(serviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			remote, err := a.connect()
			if err != nil {
				return err
			}
			service := strings.Join(args, "")
			return a.show(cmd.Context(), func(ctx context.Context) (any, func(io.Writer, style) error, error) {
				reports, err := remote.SLA(ctx, service)
				if err != nil {
					return nil, nil, a.suggestService(ctx, remote, service, err)
				}
				return api.SLAList{Reports: reports}, func(w io.Writer, s style) error { return writeSLA(w, s, reports) }, nil
			})
		},
	}
	a.addWatchFlag(cmd)
	return cmd
}

func writeSLA(w io.Writer, s style, reports []headroom.SLAReport) error {
	if len(reports) == 0 {
		_, err := fmt.Fprintln(w, "no services")
		return err
	}
	t := newTable(s, "SERVICE", "MET", ">OBJECTIVE", ">AVAILABILITY", ">BUDGET LEFT", ">BURN 1H", ">REQUESTS", ">FAILED", ">COVERED")
	for _, r := range reports {
		met := t.mood(unknownText)
		if r.Met != nil {
			met = t.mood(map[bool]string{true: "yes", false: "no"}[*r.Met])
		}
		t.add(text(r.Service), met, number(plainNumber(r.Objective.Availability)+"%"), number(knownText(r.Availability, 1, "%.6g%%")),
			number(knownText(r.BudgetRemaining, 100, "%.0f%%")), number(knownText(r.BurnRate1h, 1, "%.1fx")),
			number(fmt.Sprintf("%.0f", r.Requests)), number(fmt.Sprintf("%.0f", r.Failed)), number(fmt.Sprintf("%.0f%%", 100*r.Covered)))
	}
	if err := t.write(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, r := range reports {
		if _, err := fmt.Fprintf(w, "%s: %s\n", s.heading(r.Service), r.Summary); err != nil {
			return err
		}
	}
	return nil
}

// knownText writes a number times a factor, or that it is not known.
func knownText(value *float64, factor float64, format string) string {
	if value == nil {
		return unknownText
	}
	return fmt.Sprintf(format, *value*factor)
}
