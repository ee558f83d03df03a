package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
)

func newAlertsCommand(a *app) *cobra.Command {
	var rules bool
	cmd := &cobra.Command{
		Use:   "alerts",
		Short: "List the alerts that are pending, firing or just resolved",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			remote, err := a.connect()
			if err != nil {
				return err
			}
			return a.show(cmd.Context(), func(ctx context.Context) (any, func(io.Writer, style) error, error) {
				answer, err := remote.Alerts(ctx)
				return answer, func(w io.Writer, s style) error {
					if rules {
						return writeAlertRules(w, s, answer.Rules)
					}
					return writeAlerts(w, s, a.now(), answer.Alerts)
				}, err
			})
		},
	}
	cmd.Flags().BoolVar(&rules, "rules", false, "list the rules in place of the alerts")
	a.addWatchFlag(cmd)
	return cmd
}

func writeAlerts(w io.Writer, s style, now time.Time, alerts []headroom.Alert) error {
	if len(alerts) == 0 {
		_, err := fmt.Fprintln(w, "no alerts")
		return err
	}
	t := newTable(s, "ALERT", "STATE", "SEVERITY", ">SINCE", ">VALUE", "LABELS", "SUMMARY")
	for _, alert := range alerts {
		value := unknownText
		if alert.Value != nil {
			value = fmt.Sprintf("%.4g", *alert.Value)
		}
		t.add(text(alert.Rule), t.mood(string(alert.State)), t.mood(alert.Severity), number(ageText(now, alert.Since)), number(value),
			text(labelsText(alert.Labels)), text(alert.Summary))
	}
	return t.write(w)
}

func writeAlertRules(w io.Writer, s style, rules []headroom.AlertRule) error {
	t := newTable(s, "RULE", "SEVERITY", ">FOR", "EXPRESSION")
	for _, rule := range rules {
		t.add(text(rule.Name), t.mood(rule.Severity), number(rule.For.String()), text(rule.Expr))
	}
	return t.write(w)
}

// labelsText writes labels in the order of their names: service="shop".
func labelsText(labels map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, fmt.Sprintf("%s=%q", name, labels[name]))
	}
	return strings.Join(pairs, ", ")
}
