package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"headroom.dev/headroom"
)

const rootLong = `Headroom keeps a service fast at the least cost: it balances the requests to your replicas,
watches them, and starts and stops replicas as the load asks for.

  headroom run -c headroom.yaml     run everything in one process
  headroom status                   see what is going on
  headroom explain                  why the number of replicas last changed

The config file is the one of --config, then HEADROOM_CONFIG, then headroom.yaml, headroom.yml or
headroom.json here, then /etc/headroom/headroom.yaml.

Commands that ask a running headroom find it by --api, then HEADROOM_API, then api.listen of the
config file, then 127.0.0.1:7070. The token, where one is needed, comes from --token, then
HEADROOM_TOKEN or HEADROOM_TOKEN_FILE; one of the config file or its state directory is used for
the address of the config file only. HEADROOM_OUTPUT sets --output.

Exit codes:
  0  it worked
  1  it did not; the reason is on standard error
  2  the command line itself is wrong
  3  it was accepted but did not finish within --timeout
  4  a gate refused it: a backtest of the change is worse than what is in force`

// newRootCommand is the whole command tree.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "headroom",
		Short:         "Balance, watch and scale a service",
		Long:          rootLong,
		SilenceErrors: true, // app.report prints them
		SilenceUsage:  true,
		Version:       a.version,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			// cobra checks these too, but after this and with errors of no type.
			if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
				return usagef(usageHint(cmd), "%s", err)
			}
			return a.checkOutput()
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	root.SetVersionTemplate("headroom {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	a.addGlobalFlags(root)

	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Run headroom:"},
		&cobra.Group{ID: "see", Title: "See what is going on:"},
		&cobra.Group{ID: "change", Title: "Change it:"},
		&cobra.Group{ID: "config", Title: "The config file:"},
	)
	addGroup(root, "run", newRunCommand(a), newBalancerCommand(a), newMonitorCommand(a), newScalerCommand(a), newUpgradeCommand(a), newStopCommand(a))
	addGroup(root, "see", newStatusCommand(a), newDecisionsCommand(a), newExplainCommand(a), newWhyCommand(a), newWhyNotCommand(a), newEventsCommand(a), newLogsCommand(a), newAlertsCommand(a), newSLACommand(a))
	addGroup(root, "change", newScaleCommand(a), newPoliciesCommand(a), newBackendsCommand(a), newSplitCommand(a), newRoutesCommand(a))
	addGroup(root, "config", newValidateCommand(a), newConfigCommand(a), newSchemaCommand(a))
	root.AddCommand(newBacktestCommand(a), newDecideCommand(a), newLoadCommand(a), newVersionCommand(a))
	root.InitDefaultCompletionCmd("completion")
	for _, command := range root.Commands() {
		if command.Name() == "completion" {
			// Without these a mistyped shell gets the help and exit code 0.
			command.Args = noSuchCommand
			command.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	return root
}

func addGroup(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, command := range commands {
		command.GroupID = group
		root.AddCommand(command)
	}
}

func (a *app) addGlobalFlags(root *cobra.Command) {
	set := root.PersistentFlags()
	set.StringArrayVarP(&a.flags.configs, "config", "c", nil, "config `file`; more than one are merged in order")
	set.StringVar(&a.flags.api, "api", "", "`address` of the API of a running headroom")
	set.StringVar(&a.flags.token, "token", "", "bearer `token` of the API; HEADROOM_TOKEN keeps it out of the process list")
	set.StringVarP(&a.flags.output, "output", "o", firstOf(a.getenv("HEADROOM_OUTPUT"), formatTable), "`format` of the output: table, json or yaml")
	set.BoolVar(&a.flags.noColor, "no-color", false, "no colors, also on a terminal (as does NO_COLOR)")
	for flag, complete := range map[string]cobra.CompletionFunc{
		"api":    cobra.NoFileCompletions,
		"token":  cobra.NoFileCompletions,
		"output": cobra.FixedCompletions(formats(), cobra.ShellCompDirectiveNoFileComp),
		"config": func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
		},
	} {
		must(root.RegisterFlagCompletionFunc(flag, complete))
	}
}

// must ends the program for a mistake in the command tree itself, which every test that builds the tree finds.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// noSuchCommand refuses a command that there is not, and names the nearest.
func noSuchCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "headroom help lists the commands"
	if near := headroom.Nearest(args[0], commandNames(root)); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return usagef(hint, "there is no command %q", strings.TrimSpace(strings.TrimPrefix(root.CommandPath()+" ", "headroom ")+args[0]))
}

func commandNames(parent *cobra.Command) []string {
	var names []string
	for _, command := range parent.Commands() {
		if command.IsAvailableCommand() {
			names = append(names, command.Name())
		}
	}
	return names
}

// flagError makes the error of a wrong flag a usage error with the nearest flag as its hint.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usagef(usageHint(cmd), "%s", err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	hint := usageHint(cmd)
	if near := headroom.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		hint = fmt.Sprintf("did you mean --%s?", near)
	}
	return usagef(hint, "%s", err)
}

func usageHint(cmd *cobra.Command) string { return "usage: " + cmd.UseLine() }

// arguments refuses fewer than least or more than most arguments.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef(usageHint(cmd), "%s needs more: %s", cmd.CommandPath(), cmd.Use)
		case len(args) > most:
			return usagef(usageHint(cmd), "%s does not take %q", cmd.CommandPath(), args[most])
		default:
			return nil
		}
	}
}

func noArguments(cmd *cobra.Command, args []string) error { return arguments(0, 0)(cmd, args) }
