package main

import (
	"context"
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

const atUsage = "the decision in force at a `time`: 2026-01-31T12:00:00Z, 12:34, or 10m ago"

func newWhyCommand(a *app) *cobra.Command {
	return a.newAskingCommand(&cobra.Command{
		Use:   "why REPLICAS [SERVICE]",
		Short: "Explain why a service has, or had, so many replicas",
		Long: `Explain why a service has, or had, so many replicas: the newest decision that came to that number. The
service may be left out where there is one that scales.`,
		Example: "  headroom why 4 shop\n  headroom why 4 shop --at 12:30",
	}, a.why)
}

func newWhyNotCommand(a *app) *cobra.Command {
	return a.newAskingCommand(&cobra.Command{
		Use:   "why-not REPLICAS [SERVICE]",
		Short: "Explain why a service has another number of replicas, and what it would take",
		Long: `Explain why a service has another number of replicas: what stood against it, and the load, the bounds
or the time that it would take. The service may be left out where there is one that scales.`,
		Example: "  headroom why-not 20 shop",
	}, a.whyNot)
}

// newAskingCommand completes a command that asks about a number of replicas at a time.
func (a *app) newAskingCommand(cmd *cobra.Command, ask func(ctx context.Context, remote *client.Client, q asked) error) *cobra.Command {
	var at string
	cmd.Args, cmd.ValidArgsFunction = arguments(1, 2), a.completeSecond(serviceNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		remote, err := a.connect()
		if err != nil {
			return err
		}
		q, err := a.readAsked(cmd.Context(), remote, args, at)
		if err != nil {
			return err
		}
		return ask(cmd.Context(), remote, q)
	}
	addAtFlag(cmd, &at)
	return cmd
}

func addAtFlag(cmd *cobra.Command, at *string) {
	cmd.Flags().StringVar(at, "at", "", atUsage)
	must(cmd.RegisterFlagCompletionFunc("at", cobra.NoFileCompletions))
}

// asked is what why and why-not are asked.
type asked struct {
	service  string
	replicas int
	at       time.Time
}

// readAsked reads REPLICAS [SERVICE] and --at.
func (a *app) readAsked(ctx context.Context, remote *client.Client, args []string, at string) (asked, error) {
	var q asked
	var err error
	if q.replicas, err = strconv.Atoi(args[0]); err != nil || q.replicas < 0 || q.replicas > 1000 {
		return q, usagef("headroom why 4 shop", "%s: expected a number of replicas, 0 to 1000", args[0])
	}
	if q.at, err = readAt(at, a.now()); err != nil {
		return q, err
	}
	if len(args) > 1 {
		q.service = args[1]
		return q, nil
	}
	q.service, err = onlyService(ctx, remote)
	return q, err
}

// onlyService is the service that scales where there is one.
func onlyService(ctx context.Context, remote *client.Client) (string, error) {
	services, err := remote.Status(ctx, "")
	if err != nil {
		return "", err
	}
	var scaled []string
	for _, service := range services {
		if service.Kind == "run" {
			scaled = append(scaled, service.Name)
		}
	}
	if len(scaled) == 1 {
		return scaled[0], nil
	}
	return "", usagef("name one of them, or see headroom status", "there are %d services that scale: %s", len(scaled), strings.Join(scaled, ", "))
}

func (a *app) why(ctx context.Context, remote *client.Client, q asked) error {
	now, err := remote.ExplainService(ctx, q.service, q.at, nil)
	if err != nil {
		return a.withoutDecision(ctx, remote, q.service, err)
	}
	came, err := remote.ExplainService(ctx, q.service, q.at, &q.replicas)
	switch {
	case err == nil && now.Decision.To == q.replicas:
		return a.printExplanation(came)
	case err == nil:
		return a.printExplanation(came, fmt.Sprintf("%s has %s now (headroom why-not %d %s says why); this is the last time that it came to %d.",
			q.service, plural(now.Decision.To, "replica"), q.replicas, q.service, q.replicas))
	case !isUnknown(err):
		return err
	case now.Decision.To == q.replicas:
		return a.printExplanation(now) // it has had this number since before the journal begins
	}
	return &hintedError{fmt.Errorf("%s has %s, and no decision that is kept came to %d", q.service, plural(now.Decision.To, "replica"), q.replicas),
		fmt.Sprintf("headroom why-not %d %s", q.replicas, q.service)}
}

// withoutDecision is what an explanation failed with: there is no such service, or nothing was decided until then.
func (a *app) withoutDecision(ctx context.Context, remote *client.Client, service string, err error) error {
	if isUnknown(err) {
		if unknown := a.checkService(ctx, remote, service); unknown != nil {
			return unknown
		}
	}
	return err
}

func (a *app) whyNot(ctx context.Context, remote *client.Client, q asked) error {
	answer, err := remote.WhyNot(ctx, q.service, q.at, q.replicas)
	if err != nil {
		return a.withoutDecision(ctx, remote, q.service, err)
	}
	return a.printExplanation(answer)
}

// printExplanation prints the text, after some words where there are any, or what it is about.
func (a *app) printExplanation(explained api.Explanation, before ...string) error {
	return a.print(a.out, explained, func(w io.Writer, _ style) error {
		for _, line := range before {
			if _, err := fmt.Fprintf(w, "%s\n\n", line); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintln(w, strings.TrimRight(explained.Text, "\n"))
		return err
	})
}

// readAt reads a time as a person says it; the zero time where nothing is said. A time of day is the last one that has been, and one of a whole second is that
// second to its end, since that is how times are shown.
func readAt(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	trimmed := strings.TrimSpace(strings.TrimSuffix(text, "ago"))
	if before, err := headroom.ParseDuration(trimmed); err == nil {
		return now.Add(-time.Duration(before)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02 15:04", "15:04:05", "15:04"} {
		at, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		if strings.HasPrefix(layout, "15") {
			at = time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location())
			if at.After(now) {
				at = at.AddDate(0, 0, -1)
			}
		}
		if strings.HasSuffix(layout, ":05") {
			at = at.Add(time.Second - time.Nanosecond)
		}
		return at, nil
	}
	return time.Time{}, usagef("", "--at %s: expected a time such as 2026-01-31T12:00:00Z, 12:34 or 10m ago", text)
}
