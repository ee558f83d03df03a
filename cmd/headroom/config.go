package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"headroom.dev/headroom/config"
)

func newConfigCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the configuration as it is in force",
		Args:  noSuchCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigShowCommand(a))
	return cmd
}

func newConfigShowCommand(a *app) *cobra.Command {
	var origin, reveal bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the whole configuration after defaults, files and environment",
		Long: `Print the whole configuration after defaults, files and environment, as a config file that means the
same. Secrets are masked. With --origin each value is followed by where it came from.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			loaded, err := a.loadConfig()
			if err != nil {
				return err
			}
			for _, warning := range loaded.Warnings {
				fmt.Fprintf(a.errOut, "%s %s\n", a.errorStyle().warning("warning:"), warning)
			}
			return a.showConfig(loaded, origin, reveal)
		},
	}
	cmd.Flags().BoolVar(&origin, "origin", false, "say where each value came from")
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show secrets in clear")
	return cmd
}

// originOf is where a value came from, in JSON.
type originOf struct {
	Value  string `json:"value"`
	Source string `json:"source"`
}

// showConfig prints YAML for people and for -o yaml, and JSON of the same. In JSON, which has no comments, --origin
// gives an object of values and sources by path instead.
func (a *app) showConfig(loaded *config.Loaded, origin, reveal bool) error {
	if a.flags.output != formatJSON {
		_, err := io.WriteString(a.out, loaded.Show(config.ShowOptions{Origins: origin, Reveal: reveal}))
		return err
	}
	if origin {
		origins := make(map[string]originOf, len(loaded.Origins))
		for path, o := range loaded.Origins {
			value := o.Value
			if o.Secret && !reveal {
				value = "********"
			}
			origins[path] = originOf{value, o.Source}
		}
		return writeJSON(a.out, origins)
	}
	asJSON, err := yaml.YAMLToJSON([]byte(loaded.Show(config.ShowOptions{Reveal: reveal})))
	if err != nil {
		return fmt.Errorf("write the configuration as JSON: %w", err)
	}
	return writeJSON(a.out, json.RawMessage(asJSON))
}
