package main

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"headroom.dev/headroom/config"
)

func newSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the config file",
		Long: `Print the JSON Schema (2020-12) of the config file, for editors and checks. An editor with the YAML
language server takes it from the first line of the config file:

  # yaml-language-server: $schema=headroom.schema.json`,
		Example: "  headroom schema > headroom.schema.json",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			schema := bytes.TrimSpace(config.Schema())
			return a.print(a.out, json.RawMessage(schema), func(w io.Writer, _ style) error {
				_, err := w.Write(append(schema, '\n'))
				return err
			})
		},
	}
}
