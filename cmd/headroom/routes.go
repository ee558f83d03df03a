package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/api/client"
	"headroom.dev/headroom/config"
)

// overrideFlags are those of what is put in the place of what the config file says.
type overrideFlags struct {
	how   client.Change
	file  string
	reset bool
}

func (f *overrideFlags) add(cmd *cobra.Command, file, reset string) {
	cmd.Flags().StringVarP(&f.file, "file", "f", "", file)
	cmd.Flags().BoolVar(&f.reset, "reset", false, reset)
	cmd.Flags().StringVar(&f.how.IfMatch, "if-match", "", "change it only if it still has this `version`")
	addChangeFlags(cmd, &f.how)
	cmd.MarkFlagsMutuallyExclusive("file", "reset")
	must(cmd.MarkFlagFilename("file", "yaml", "yml", "json"))
}

// refuseUnused says which flag of a change was given where nothing is changed.
func (f *overrideFlags) refuseUnused(cmd *cobra.Command) error {
	for _, name := range []string{"why", "dry-run", "if-match"} {
		if cmd.Flags().Changed(name) {
			return usagef(usageHint(cmd), "--%s is for a change, and none is given", name)
		}
	}
	return nil
}

func newRoutesCommand(a *app) *cobra.Command {
	var f overrideFlags
	cmd := &cobra.Command{
		Use:   "routes SERVICE [--file FILE] [--reset]",
		Short: "Show and replace the routes of a service",
		Long: `Show the routes of a service, or replace all of them by those of a file, which is written as
{routes: [...]} with the fields of loadBalancing.routes in the config. A change is in force at once, is kept
over restarts, and holds until it is taken back with --reset, whatever the config file says.`,
		Example:           "  headroom routes shop\n  headroom routes shop --file routes.yaml --dry-run",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeOne(serviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.reset:
				return a.reset(cmd, args, f, (*client.Client).ResetRoutes)
			case f.file == "":
				return a.showRoutes(cmd, args[0], f)
			}
			name, text, err := a.readInput(f.file)
			if err != nil {
				return err
			}
			var request api.RoutesRequest
			if err := config.Read(name, "", text, &request); err != nil {
				return err
			}
			remote, err := a.connect()
			if err != nil {
				return err
			}
			routes, err := remote.SetRoutes(cmd.Context(), args[0], request.Routes, f.how)
			if err != nil {
				return a.suggestService(cmd.Context(), remote, args[0], err)
			}
			return a.print(a.out, routes, func(w io.Writer, s style) error {
				_, err := fmt.Fprintf(w, "%s%s has %s\n", dryRunPrefix(f.how.DryRun), s.heading(routes.Service), plural(len(routes.Routes), "route"))
				return err
			})
		},
	}
	f.add(cmd, "`file` with all routes, YAML or JSON; - is standard input", "have the routes of the config file in force again")
	a.addWatchFlag(cmd)
	return cmd
}

// reset takes back what was changed of a service.
func (a *app) reset(cmd *cobra.Command, args []string, f overrideFlags, call func(*client.Client, context.Context, string, client.Change) error) error {
	if len(args) > 1 {
		return usagef(usageHint(cmd), "give either weights or --reset")
	}
	remote, err := a.connect()
	if err != nil {
		return err
	}
	if err := call(remote, cmd.Context(), args[0], f.how); err != nil {
		return a.suggestService(cmd.Context(), remote, args[0], err)
	}
	if a.flags.output != formatTable {
		return nil // the API answers with nothing
	}
	_, err = fmt.Fprintf(a.out, "%s%s is as in the config file again\n", dryRunPrefix(f.how.DryRun), a.style().heading(args[0]))
	return err
}

func (a *app) showRoutes(cmd *cobra.Command, service string, f overrideFlags) error {
	if err := f.refuseUnused(cmd); err != nil {
		return err
	}
	remote, err := a.connect()
	if err != nil {
		return err
	}
	return a.show(cmd.Context(), func(ctx context.Context) (any, func(io.Writer, style) error, error) {
		routes, err := remote.Routes(ctx, service)
		if err != nil {
			return nil, nil, a.suggestService(ctx, remote, service, err)
		}
		return routes, func(w io.Writer, s style) error { return writeRoutes(w, s, routes) }, nil
	})
}

func writeRoutes(w io.Writer, s style, routes headroom.ServiceRoutes) error {
	if len(routes.Routes) > 0 {
		t := newTable(s, "PATH", "ONLY FOR", "SERVICE", "THEN")
		for _, route := range routes.Routes {
			path := route.Path
			switch {
			case route.Regexp != "":
				path = "~" + route.Regexp
			case route.Exact:
				path = "=" + path
			}
			t.add(text(path), text(conditionsText(route)), text(route.Service), text(actionText(route)))
		}
		if err := t.write(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintf(w, "%s of %s, %s, version %s\n", plural(len(routes.Routes), "route"), routes.Service, sourceText(routes.Source), routes.Version)
	return err
}

func conditionsText(route headroom.Route) string {
	var all []string
	all = append(all, route.Methods...)
	all = append(all, route.Hosts...)
	for _, name := range sortedKeys(route.Headers) {
		all = append(all, name+": "+route.Headers[name])
	}
	for _, name := range sortedKeys(route.Query) {
		all = append(all, "?"+name+"="+route.Query[name])
	}
	return strings.Join(all, ", ")
}

func actionText(route headroom.Route) string {
	switch {
	case route.Redirect.To != "":
		return "redirect " + strconv.Itoa(route.Redirect.Status) + " to " + route.Redirect.To
	case route.Rewrite != "":
		return "rewrite to " + route.Rewrite
	}
	return ""
}

func sortedKeys(values map[string]string) []string { return slices.Sorted(maps.Keys(values)) }
