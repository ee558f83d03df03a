package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api/client"
	"headroom.dev/headroom/config"
)

func newSplitCommand(a *app) *cobra.Command {
	var f overrideFlags
	cmd := &cobra.Command{
		Use:   "split SERVICE [VARIANT=WEIGHT …] [--file FILE] [--reset]",
		Short: "Show and change how the requests of a service are shared among its variants",
		Long: `Show how the requests of a service are shared among its variants, and change it: weights alone, or the
whole split by a file, which is written as loadBalancing.split in the config. A change is in force at once,
is kept over restarts, and holds until it is taken back with --reset, whatever the config file says.`,
		Example:           "  headroom split shop\n  headroom split shop shop=90 shop-v2=10 --why 'no errors for an hour'",
		Args:              arguments(1, 1000),
		ValidArgsFunction: a.completeOne(serviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.reset {
				return a.reset(cmd, args, f, (*client.Client).ResetSplit)
			}
			update, err := readSplit(a, cmd, args[1:], f.file)
			if err != nil {
				return err
			}
			if update == nil {
				return a.showSplit(cmd, args[0], f)
			}
			remote, err := a.connect()
			if err != nil {
				return err
			}
			split, err := remote.SetSplit(cmd.Context(), args[0], *update, f.how)
			if err != nil {
				return a.suggestService(cmd.Context(), remote, args[0], err)
			}
			return a.print(a.out, split, func(w io.Writer, s style) error {
				_, err := fmt.Fprintf(w, "%s%s: %s\n", dryRunPrefix(f.how.DryRun), s.heading(split.Service), split.Summary())
				return err
			})
		},
	}
	f.add(cmd, "`file` with a whole split, YAML or JSON; - is standard input", "have the split of the config file in force again")
	a.addWatchFlag(cmd)
	return cmd
}

func (a *app) showSplit(cmd *cobra.Command, service string, f overrideFlags) error {
	if err := f.refuseUnused(cmd); err != nil {
		return err
	}
	remote, err := a.connect()
	if err != nil {
		return err
	}
	return a.show(cmd.Context(), func(ctx context.Context) (any, func(io.Writer, style) error, error) {
		split, err := remote.Split(ctx, service)
		if err != nil {
			return nil, nil, a.suggestService(ctx, remote, service, err)
		}
		return split, func(w io.Writer, s style) error { return writeSplit(w, s, split) }, nil
	})
}

// readSplit is the change that arguments or a file describe; nil where there are none.
func readSplit(a *app, cmd *cobra.Command, weights []string, file string) (*headroom.SplitUpdate, error) {
	switch {
	case file != "" && len(weights) > 0:
		return nil, usagef(usageHint(cmd), "give either weights or --file")
	case file != "":
		name, text, err := a.readInput(file)
		if err != nil {
			return nil, err
		}
		var split headroom.Split
		if err := config.Read(name, "", text, &split); err != nil {
			return nil, err
		}
		return &headroom.SplitUpdate{Split: &split}, nil
	case len(weights) == 0:
		return nil, nil
	}
	update := &headroom.SplitUpdate{Weights: map[string]int{}}
	for _, text := range weights {
		variant, number, _ := strings.Cut(text, "=")
		weight, err := strconv.Atoi(number)
		if _, twice := update.Weights[variant]; err != nil || weight < 0 || variant == "" || twice {
			return nil, usagef(usageHint(cmd), "%s: expected the service of a variant and its weight, each once, such as shop-v2=10", text)
		}
		update.Weights[variant] = weight
	}
	return update, nil
}

func writeSplit(w io.Writer, s style, split headroom.ServiceSplit) error {
	if len(split.Variants) == 0 {
		_, err := fmt.Fprintf(w, "%s has no variants: it takes all its requests itself (%s, version %s)\n", s.heading(split.Service), sourceText(split.Source), split.Version)
		return err
	}
	t := newTable(s, "VARIANT", ">WEIGHT", ">SHARE", ">REQUESTS/S", "ALSO GETS")
	for i, variant := range split.Variants {
		share := split.Shares[i]
		perSecond := unknownText
		if share.RequestsPerSecond != nil {
			perSecond = rateText(*share.RequestsPerSecond)
		}
		t.add(text(variant.Service), number(strconv.Itoa(variant.Weight)), number(fmt.Sprintf("%.4g%%", share.Percent)), number(perSecond), text(namedBy(variant)))
	}
	if err := t.write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nby %s, %s, version %s\n", split.By, sourceText(split.Source), split.Version)
	return err
}

// namedBy says which requests go to a variant whatever the weights.
func namedBy(variant headroom.Variant) string {
	var all []string
	for _, name := range sortedKeys(variant.Headers) {
		all = append(all, name+": "+variant.Headers[name])
	}
	for _, name := range sortedKeys(variant.Cookies) {
		all = append(all, "cookie "+name+"="+variant.Cookies[name])
	}
	return strings.Join(all, ", ")
}

func sourceText(source headroom.BackendSource) string {
	if source == headroom.SourceAPI {
		return "changed through the API"
	}
	return "of the config file"
}
