package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
)

// The formats of --output.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatYAML  = "yaml"
)

func formats() []string { return []string{formatTable, formatJSON, formatYAML} }

// checkOutput refuses a format that there is not.
func (a *app) checkOutput() error {
	for _, format := range formats() {
		if a.flags.output == format {
			return nil
		}
	}
	return usagef(didYouMean(a.flags.output, formats()), "--output %s: expected table, json or yaml", a.flags.output)
}

// print writes a value in the format that was asked for: as the API gives it, or by the function that makes a table.
func (a *app) print(w io.Writer, value any, people func(io.Writer, style) error) error {
	switch a.flags.output {
	case formatJSON:
		return writeJSON(w, value)
	case formatYAML:
		return writeYAML(w, value)
	default:
		return people(w, a.style())
	}
}

// printLine is print for one of many values that follow each other: JSON Lines, and YAML documents.
func (a *app) printLine(w io.Writer, value any, people func(io.Writer, style) error) error {
	switch a.flags.output {
	case formatJSON:
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	case formatYAML:
		if _, err := io.WriteString(w, "---\n"); err != nil {
			return err
		}
		return writeYAML(w, value)
	default:
		return people(w, a.style())
	}
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// writeYAML writes the same names, order and values as writeJSON.
func writeYAML(w io.Writer, value any) error {
	var asJSON bytes.Buffer
	if err := writeJSON(&asJSON, value); err != nil {
		return err
	}
	text, err := yaml.JSONToYAML(asJSON.Bytes())
	if err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	_, err = w.Write(text)
	return err
}

// style colors text for a terminal, or leaves it as it is.
type style struct{ color bool }

// style is the one of standard output: https://no-color.org says that any value of NO_COLOR but the empty one means no.
func (a *app) style() style {
	return style{color: a.isTerminal(a.out) && !a.flags.noColor && a.getenv("NO_COLOR") == ""}
}

func (a *app) errorStyle() style {
	return style{color: a.isTerminal(a.errOut) && !a.flags.noColor && a.getenv("NO_COLOR") == ""}
}

// paint wraps text in a "select graphic rendition" sequence (ECMA-48 §8.3.117).
func (s style) paint(code, text string) string {
	if !s.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) heading(text string) string { return s.paint("1", text) }
func (s style) quiet(text string) string   { return s.paint("2", text) }
func (s style) failure(text string) string { return s.paint("31", text) }
func (s style) success(text string) string { return s.paint("32", text) }
func (s style) warning(text string) string { return s.paint("33", text) }

// byMood paints words that say how something is: good green, passing yellow, bad red.
func (s style) byMood(word string) string {
	switch word {
	case "ready", "healthy", "closed", "confirmed", "yes", "active", "resolved":
		return s.success(word)
	case "starting", "stopping", "draining", "half-open", "unknown", "planned", "sent", "pending", "warning":
		return s.warning(word)
	case "exited", "unhealthy", "open", "failed", "no", "firing", "error", "critical":
		return s.failure(word)
	default:
		return word
	}
}
