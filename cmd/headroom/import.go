package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/config"
	"headroom.dev/headroom/config/kubernetes"
)

func newPoliciesImportCommand(a *app) *cobra.Command {
	var service string
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Write autoscalers of Kubernetes and KEDA as scaling of the config",
		Long: `Write autoscalers of Kubernetes and KEDA as scaling of the config: HorizontalPodAutoscalers (autoscaling/v2
and v1) and ScaledObjects, as they stand. FILE is YAML of one or more of them; - is standard input.

What headroom does not do in the same way is an error with its line and what to do instead; nothing is left
out silently. Nothing is changed: the output is a config file of its own, of what differs from the defaults,
to be merged into the other (-c headroom.yaml -c imported.yaml) or copied there.

With --service it is for a service of the config: its signals are what Pods, Object and External metrics mean,
and its run.cpu and run.memory are what targets in processors and bytes are shares of.`,
		Example: `  headroom policies import hpa.yaml > imported.yaml
  kubectl get hpa shop -o yaml | headroom policies import -
  headroom policies import scaledobject.yaml --service shop -c headroom.yaml`,
		Args: arguments(1, 1000),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.importPolicies(args, service) },
	}
	cmd.Flags().StringVar(&service, "service", "", "`service` of the config that it is for")
	must(cmd.RegisterFlagCompletionFunc("service", a.complete(serviceNames)))
	return cmd
}

// imported is one autoscaler and where it comes from.
type imported struct {
	kubernetes.Autoscaler
	service, file string
}

func (a *app) importPolicies(files []string, service string) error {
	reader, err := a.kubernetesReader(service)
	if err != nil {
		return err
	}
	var all []imported
	byService := map[string]imported{}
	for _, file := range files {
		name, text, err := a.readInput(file)
		if err != nil {
			return err
		}
		read, err := reader.ReadFile(text)
		if err != nil {
			return inFile(name, err)
		}
		for _, other := range read.Others {
			fmt.Fprintf(a.errOut, "%s left out %s, which is no autoscaler\n", a.errorStyle().warning(name+":"), other)
		}
		for _, one := range read.Autoscalers {
			made := imported{one, firstOf(service, one.Target, one.Name), name}
			if first, twice := byService[made.service]; twice {
				return fmt.Errorf("%s: %s %s and %s %s of %s are both for the service %s, which can have one", name, made.Kind, made.Name,
					first.Kind, first.Name, first.file, made.service)
			}
			byService[made.service] = made
			all = append(all, made)
		}
	}
	return a.print(a.out, importedConfig(all), func(w io.Writer, _ style) error { return writeImported(w, all) })
}

// kubernetesReader knows what the config says of a service; nothing without one.
func (a *app) kubernetesReader(service string) (kubernetes.Reader, error) {
	if service == "" {
		return kubernetes.Reader{}, nil
	}
	loaded, err := a.loadConfig()
	if err != nil {
		return kubernetes.Reader{}, err
	}
	of, known := loaded.Config.Services[service]
	if !known {
		return kubernetes.Reader{}, unknownName("service", service, slices.Sorted(maps.Keys(loaded.Config.Services)))
	}
	reader := kubernetes.Reader{Signals: of.Scaling.Signals}
	if of.Run != nil {
		reader.CPU, reader.Memory = of.Run.CPU, of.Run.Memory
		if reader.CPU == 0 {
			reader.CPU = 1000 // one core is what percent are of then
		}
	}
	return reader, nil
}

// inFile names the file in front of each problem, as compilers do.
func inFile(name string, err error) error {
	var invalid *kubernetes.Error
	if !errors.As(err, &invalid) {
		return fmt.Errorf("%s: %w", name, err)
	}
	lines := make([]string, 0, len(invalid.Problems)+1)
	for _, p := range invalid.Problems {
		line := fmt.Sprintf("%s:%d:%d: ", name, p.Line, p.Column)
		if p.Path != "" {
			line += p.Path + ": "
		}
		lines = append(lines, line+p.Message)
	}
	if invalid.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", invalid.More))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// importedConfig is what is printed for programs: services with their scaling, as in the config.
func importedConfig(all []imported) map[string]map[string]map[string]headroom.Scaling {
	services := map[string]map[string]headroom.Scaling{}
	for _, one := range all {
		services[one.service] = map[string]headroom.Scaling{"scaling": one.Scaling}
	}
	return map[string]map[string]map[string]headroom.Scaling{"services": services}
}

func writeImported(w io.Writer, all []imported) error {
	var out strings.Builder
	out.WriteString("services:\n")
	for _, one := range all {
		from := fmt.Sprintf("from %s %s in %s", one.Kind, one.Name, one.file)
		out.WriteString(config.ShowScaling(one.service, one.Scaling, append([]string{from}, one.Notes...)))
	}
	_, err := io.WriteString(w, out.String())
	return err
}
