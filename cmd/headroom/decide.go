package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/config"
	"headroom.dev/headroom/config/kubernetes"
	"headroom.dev/headroom/scaling"
)

// decidedHere is the ID of a decision that nobody acts on.
const decidedHere = "decide"

func newDecideCommand(a *app) *cobra.Command {
	var autoscaler string
	cmd := &cobra.Command{
		Use:   "decide [FILE]",
		Short: "Decide once, from a policy, an observation and a state",
		Long: `Decide once, from a policy, an observation and a state, without anything that runs: the same function
that headroom calls each second. It tries a policy on a case, on a desk or in CI.

FILE (standard input where there is none, or -) is JSON or YAML with three fields:

  policy       as scaling: of a service in the config, with the same defaults
  observation  what is known at one instant: service, at, replicas, signals
  state        what the decision before answered with; the first decision has none

With --kubernetes the policy is that of a HorizontalPodAutoscaler or a ScaledObject, as it stands.

The answer has the decision and the state of the next question. A decision that headroom has made is
a question too: headroom explain -o json shows its policy, observation and state.`,
		Example: `  headroom decide question.json
  headroom decide --kubernetes hpa.yaml case.json
  headroom explain shop -o json | jq '{policy, observation, state}' | headroom decide -o json | jq .decision.to`,
		Args: arguments(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			question, err := a.readQuestion(strings.Join(args, ""), autoscaler)
			if err != nil {
				return err
			}
			return a.decide(question)
		},
	}
	cmd.Flags().StringVar(&autoscaler, "kubernetes", "", "`file` with a HorizontalPodAutoscaler or a ScaledObject, in place of policy")
	must(cmd.MarkFlagFilename("kubernetes", "yaml", "yml", "json"))
	return cmd
}

// readQuestion reads a question; one with an autoscaler of Kubernetes has no policy of its own.
func (a *app) readQuestion(file, autoscaler string) (scaling.Question, error) {
	var question scaling.Question
	name, text, err := a.readInput(file)
	if err != nil {
		return question, err
	}
	if autoscaler == "" {
		return question, config.Read(name, "", text, &question)
	}
	var rest struct {
		Observation headroom.Observation `json:"observation" partial:"true"`
		State       headroom.ScalerState `json:"state,omitzero" partial:"true"`
	}
	if err := config.Read(name, "", text, &rest); err != nil {
		return question, err
	}
	_, text, err = a.readInput(autoscaler)
	if err != nil {
		return question, err
	}
	policy, err := kubernetes.Read(text)
	if err != nil {
		return question, fmt.Errorf("%s: %w", autoscaler, err)
	}
	return scaling.Question{Policy: policy, Observation: rest.Observation, State: rest.State}, nil
}

func (a *app) decide(question scaling.Question) error {
	if err := errors.Join(question.Validate("")...); err != nil {
		return err
	}
	answer := question.Answer(decidedHere)
	return a.print(a.out, answer, func(w io.Writer, _ style) error {
		_, err := io.WriteString(w, scaling.Explain(answer.Decision))
		return err
	})
}

// mostInput is the most that a command reads of a file or of standard input, as much as of a config file.
const mostInput = 1 << 20

// readInput reads a file, or standard input where there is none or its name is a dash.
func (a *app) readInput(file string) (name string, text []byte, err error) {
	in, name := a.in, "standard input"
	if file != "" && file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return file, nil, fmt.Errorf("read %s: %w", file, err)
		}
		defer opened.Close()
		in, name = opened, file
	}
	text, err = io.ReadAll(io.LimitReader(in, mostInput+1))
	if err != nil {
		return name, nil, fmt.Errorf("read %s: %w", name, err)
	}
	return name, text, nil
}
