package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/api/client"
)

func newEventsCommand(a *app) *cobra.Command {
	var query client.EventOptions
	var kinds []string
	var follow bool
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what happened: changes of the number of replicas, replicas that came and went, and more",
		Long: `Show what happened, oldest first: changes of the number of replicas, replicas that came and went,
changes of policies and backends. With --kind also each operation, decision and audit record.

With --follow it goes on with what happens, until Ctrl-C; when headroom is restarted it waits and
resumes without a gap.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if query.Limit < 0 || query.Limit > maxListed {
				return usagef(usageHint(cmd), "--limit %d: expected 0 to 1000", query.Limit)
			}
			for _, kind := range kinds {
				query.Kinds = append(query.Kinds, headroom.EntryKind(kind))
				if err := oneOf("--kind", kind, entryKinds()); err != nil {
					return err
				}
			}
			return a.showEvents(cmd.Context(), query, follow)
		},
	}
	set := cmd.Flags()
	set.StringVar(&query.Service, "service", "", "only of this `service`")
	set.StringSliceVar(&kinds, "kind", []string{string(headroom.EntryEvent)}, "`kinds` of entries: "+strings.Join(entryKinds(), ", "))
	set.IntVar(&query.Limit, "limit", 50, "begin with so `many`, the newest ones")
	set.BoolVarP(&follow, "follow", "f", false, "go on with what happens, until Ctrl-C")
	must(cmd.RegisterFlagCompletionFunc("service", a.complete(serviceNames)))
	must(cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(entryKinds(), cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("limit", cobra.NoFileCompletions))
	return cmd
}

func entryKinds() []string {
	return []string{string(headroom.EntryEvent), string(headroom.EntryDecision), string(headroom.EntryOperation), string(headroom.EntryAudit), "all"}
}

// entryView is how one journal entry is shown to people.
type entryView struct {
	level headroom.EventLevel
	text  string
}

// viewOf says an entry in a sentence. Entries that a person need not read, such as decisions that changed nothing, have
// no text.
func viewOf(entry headroom.Entry) entryView {
	switch entry.Kind {
	case headroom.EntryEvent:
		var event headroom.Event
		if json.Unmarshal(entry.Data, &event) == nil {
			return entryView{event.Level, event.Message}
		}
	case headroom.EntryDecision:
		var d headroom.Decision
		if json.Unmarshal(entry.Data, &d) == nil && d.From != d.To {
			return entryView{headroom.LevelInfo, fmt.Sprintf("decision %s, %d to %d: %s", d.ID, d.From, d.To, d.Reason)}
		}
		return entryView{}
	case headroom.EntryOperation:
		var o headroom.Operation
		if json.Unmarshal(entry.Data, &o) == nil {
			return operationView(o)
		}
	case headroom.EntryAudit:
		var record headroom.AuditRecord
		if json.Unmarshal(entry.Data, &record) == nil {
			return entryView{headroom.LevelInfo, fmt.Sprintf("%s %s by %s: %s", record.Verb, record.Object, record.Actor, record.Outcome)}
		}
	}
	return entryView{headroom.LevelInfo, string(entry.Kind) + " " + entry.ID}
}

// operationView tells how an operation ended; its steps before are for programs.
func operationView(o headroom.Operation) entryView {
	names := strings.Join(o.Replicas, ", ")
	switch o.State {
	case headroom.OperationFailed:
		return entryView{headroom.LevelError, fmt.Sprintf("%s of %s failed: %s", o.Kind, names, o.Error)}
	case headroom.OperationConfirmed:
		return entryView{headroom.LevelInfo, fmt.Sprintf("%s of %s done in %s", o.Kind, names, headroom.ShortDuration(o.FinishedAt.Sub(o.PlannedAt)))}
	default:
		return entryView{}
	}
}

// writeEntry prints one entry: all of it for programs, a line for people.
func (a *app) writeEntry(entry headroom.Entry) error {
	return a.printLine(a.out, entry, func(w io.Writer, s style) error {
		view := viewOf(entry)
		if view.text == "" {
			return nil
		}
		mark := "  "
		switch view.level {
		case headroom.LevelWarning:
			mark = s.warning("! ")
		case headroom.LevelError:
			mark = s.failure("x ")
		}
		service := ""
		if entry.Service != "" && !strings.HasPrefix(view.text, entry.Service) { // else the sentence names it already
			service = s.heading(entry.Service) + ": "
		}
		_, err := fmt.Fprintf(w, "%s %s%s%s\n", s.quiet(clockText(a.now(), entry.At)), mark, service, view.text)
		return err
	})
}

func (a *app) showEvents(ctx context.Context, query client.EventOptions, follow bool) error {
	remote, err := a.connect()
	if err != nil {
		return err
	}
	if err := a.checkService(ctx, remote, query.Service); err != nil {
		return err
	}
	if follow {
		query.Lost = func(err error, _ time.Duration) {
			fmt.Fprintf(a.errOut, "%s %s; waiting for it\n", a.errorStyle().warning("headroom:"), errorMessage(err))
		}
		return remote.Follow(ctx, query, a.writeEntry)
	}
	entries, err := remote.Events(ctx, query)
	if err != nil {
		return err
	}
	return a.print(a.out, api.EventList{Events: entries}, func(io.Writer, style) error {
		for _, entry := range entries {
			if err := a.writeEntry(entry); err != nil {
				return err
			}
		}
		return nil
	})
}
