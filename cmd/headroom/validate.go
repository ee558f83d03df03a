package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"headroom.dev/headroom/config"
)

func newValidateCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE...]",
		Short: "Check the config files and say everything that is wrong with them",
		Long: `Check the config files, given as arguments or with --config, together with the environment, and say
everything that is wrong with them: where, what was expected, and an example. Nothing is started.`,
		Example: "  headroom validate -c headroom.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			a.flags.configs = append(a.flags.configs, args...)
			return a.validate()
		},
	}
}

// validation is what headroom validate says in JSON and YAML.
type validation struct {
	Valid     bool                `json:"valid"`
	Problems  []validationProblem `json:"problems,omitempty"`
	Warnings  []string            `json:"warnings,omitempty"`
	Services  []validatedService  `json:"services,omitempty"`
	Listeners []string            `json:"listeners,omitempty"`
	API       string              `json:"api,omitempty"`
	StateDir  string              `json:"stateDir,omitempty"`
}

type validationProblem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Example string `json:"example,omitempty"`
}

type validatedService struct {
	Name        string   `json:"name"`
	Listen      string   `json:"listen"`
	Command     string   `json:"command,omitempty"`
	MinReplicas int      `json:"minReplicas,omitempty"`
	MaxReplicas int      `json:"maxReplicas,omitempty"`
	Backends    []string `json:"backends,omitempty"`
}

func (a *app) validate() error {
	loaded, err := a.loadConfig()
	if err != nil {
		return a.reportInvalid(err)
	}
	summary := summarize(loaded)
	return a.print(a.out, summary, func(w io.Writer, s style) error { return writeValidation(w, s, summary) })
}

// reportInvalid tells programs of each problem by itself; people get the text of the error.
func (a *app) reportInvalid(err error) error {
	var invalid *config.Error
	if a.flags.output == formatTable || !errors.As(err, &invalid) {
		return err
	}
	answer := validation{}
	for _, p := range invalid.Problems {
		answer.Problems = append(answer.Problems, validationProblem{p.File, p.Line, p.Column, p.Path, p.Message, p.Example})
	}
	if err := a.print(a.out, answer, nil); err != nil {
		return err
	}
	return &reportedError{exitError}
}

func summarize(loaded *config.Loaded) validation {
	summary := validation{
		Valid: true, Warnings: loaded.Warnings, API: loaded.Config.API.Listen, StateDir: loaded.Config.State.Dir,
	}
	for _, name := range slices.Sorted(maps.Keys(loaded.Config.Services)) {
		service := loaded.Config.Services[name]
		listen := service.LoadBalancing.Listen
		one := validatedService{Name: name, Listen: listen}
		if service.Run != nil {
			one.Command = service.Run.Command.String()
			one.MinReplicas, one.MaxReplicas = service.Scaling.MinReplicas, service.Scaling.MaxReplicas
		}
		for _, backend := range service.Backends {
			one.Backends = append(one.Backends, backend.Address)
		}
		summary.Services = append(summary.Services, one)
		if service.LoadBalancing.Listens() && !slices.Contains(summary.Listeners, listen) {
			summary.Listeners = append(summary.Listeners, listen)
		}
	}
	return summary
}

func writeValidation(w io.Writer, s style, v validation) error {
	least, most := 0, 0
	for _, service := range v.Services {
		least, most = least+service.MinReplicas, most+service.MaxReplicas
	}
	replicas := ""
	if most > 0 {
		replicas = fmt.Sprintf(" %d to %d replicas,", least, most)
	}
	fmt.Fprintf(w, "%s: %s on %s,%s API on %s\n", s.success("OK"), plural(len(v.Services), "service"),
		plural(len(v.Listeners), "listener"), replicas, v.API)
	for _, warning := range v.Warnings {
		fmt.Fprintf(w, "%s %s\n", s.warning("warning:"), warning)
	}
	if len(v.Services) == 0 {
		return nil
	}
	t := newTable(s, "SERVICE", "LISTEN", ">REPLICAS", "RUNS")
	for _, service := range v.Services {
		replicas, runs := "", strings.Join(service.Backends, ", ")
		if service.Command != "" {
			replicas = fmt.Sprintf("%d-%d", service.MinReplicas, service.MaxReplicas)
			runs = strings.Join(append([]string{service.Command}, service.Backends...), ", ")
		}
		t.add(text(service.Name), text(service.Listen), number(replicas), text(runs))
	}
	return writeBlock(w, t)
}
