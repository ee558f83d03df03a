package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
)

func newExplainCommand(a *app) *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "explain [SERVICE | DECISION-ID]",
		Short: "Explain a decision in sentences and numbers",
		Long: `Explain a decision in sentences and numbers: what was known, what each target and policy asked for,
which limit bound, and what would have been without it.

Without an argument it is the newest decision of any service that changed the number of replicas;
with a service, the newest of that service. Where nothing has changed yet it is the newest decision.
With --at it is the decision that was made last until then: there is one each second.`,
		Example:           "  headroom explain shop\n  headroom explain shop --at 12:34\n  headroom explain shop --at '10m ago'",
		Args:              arguments(0, 1),
		ValidArgsFunction: a.completeOne(explainNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := strings.Join(args, "")
			if at == "" {
				return a.explain(cmd.Context(), name)
			}
			return a.explainAt(cmd.Context(), name, at)
		},
	}
	addAtFlag(cmd, &at)
	return cmd
}

func (a *app) explainAt(ctx context.Context, service, text string) error {
	at, err := readAt(text, a.now())
	if err != nil {
		return err
	}
	remote, err := a.connect()
	if err != nil {
		return err
	}
	if service == "" {
		if service, err = onlyService(ctx, remote); err != nil {
			return err
		}
	}
	explained, err := remote.ExplainService(ctx, service, at, nil)
	if err != nil {
		return a.withoutDecision(ctx, remote, service, err)
	}
	if a.flags.output != formatTable {
		return a.print(a.out, explained.Decision, nil)
	}
	return a.printExplanation(explained)
}

func (a *app) explain(ctx context.Context, name string) error {
	remote, err := a.connect()
	if err != nil {
		return err
	}
	services, err := remote.Status(ctx, "")
	if err != nil {
		return err
	}
	id, err := decisionToExplain(services, name)
	if err != nil {
		return err
	}
	if a.flags.output != formatTable {
		decision, err := remote.Decision(ctx, id)
		if err != nil {
			return a.suggest(ctx, remote, explainNames, name, err)
		}
		return a.print(a.out, decision, nil)
	}
	explanation, err := remote.Explain(ctx, id)
	if err != nil {
		return a.suggest(ctx, remote, explainNames, name, err)
	}
	_, err = fmt.Fprintln(a.out, strings.TrimRight(explanation, "\n"))
	return err
}

// decisionToExplain is the ID of the decision that a name means: that of a service, any service where it is empty, or
// else the name itself.
func decisionToExplain(services []headroom.ServiceStatus, name string) (string, error) {
	var newest *headroom.Decision
	found := false
	for _, service := range services {
		if name != "" && service.Name != name {
			continue
		}
		found = true
		newest = moreTelling(newest, service.LastChange)
		newest = moreTelling(newest, service.LastDecision)
	}
	switch {
	case newest != nil:
		return newest.ID, nil
	case found || name == "":
		return "", &hintedError{fmt.Errorf("nothing has been decided yet"), "headroom status shows the services; decisions come once a second"}
	default:
		return name, nil
	}
}

// moreTelling is the one of two decisions that a person rather asks for: one that changed the number, and the newer one
// of two alike.
func moreTelling(a, b *headroom.Decision) *headroom.Decision {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case (a.From != a.To) != (b.From != b.To):
		if a.From != a.To {
			return a
		}
		return b
	case b.At.After(a.At):
		return b
	default:
		return a
	}
}
