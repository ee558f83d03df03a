package source

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"headroom.dev/headroom"
)

// document reads a number from a JSON document.
type document struct {
	client *http.Client
	source headroom.HTTPSource
}

func (d document) Read(ctx context.Context) (float64, error) {
	body, status, err := fetch(ctx, d.client, d.source.URL, d.source.Headers)
	if err != nil {
		return 0, err
	}
	if status < 200 || status > 299 {
		return 0, fmt.Errorf("the server answered %d %s", status, http.StatusText(status))
	}
	return find(body, d.source.Path)
}

// find reads the number at a path of names and indexes. A dot in a name is written with a backslash before it.
func find(body []byte, path string) (float64, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // a number with more digits than a float has is judged as a whole
	var value any
	if err := decoder.Decode(&value); err != nil {
		return 0, fmt.Errorf("the answer is not JSON: %w: %q", err, clip(string(body)))
	}
	done := ""
	for _, step := range steps(path) {
		var err error
		if value, err = descend(value, step, done); err != nil {
			return 0, err
		}
		done = strings.TrimPrefix(done+"."+step, ".")
	}
	return number(value, done)
}

func steps(path string) []string {
	if path == "" {
		return nil
	}
	const dot = "\x00" // no name in a path has it
	all := strings.Split(strings.ReplaceAll(path, `\.`, dot), ".")
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], dot, ".")
	}
	return all
}

func descend(value any, step, done string) (any, error) {
	switch of := value.(type) {
	case map[string]any:
		inner, found := of[step]
		if !found {
			names := make([]string, 0, len(of))
			for name := range of {
				names = append(names, name)
			}
			slices.Sort(names)
			return nil, fmt.Errorf("there is no %q in %s, which has %s", step, whole(done), clip(strings.Join(names, ", ")))
		}
		return inner, nil
	case []any:
		index, err := strconv.Atoi(step)
		if err != nil || index < 0 || index >= len(of) {
			return nil, fmt.Errorf("%s is a list of %d: there is no %q in it", whole(done), len(of), step)
		}
		return of[index], nil
	}
	return nil, fmt.Errorf("%s is neither an object nor a list, so there is no %q in it", whole(done), step)
}

// number reads numbers, and texts that are numbers, as many APIs write large ones.
func number(value any, done string) (float64, error) {
	text := ""
	switch of := value.(type) {
	case json.Number:
		text = of.String()
	case string:
		text = strings.TrimSpace(of)
	default:
		return 0, fmt.Errorf("%s is not a number but %s", whole(done), kindOf(value))
	}
	parsed, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number: %q", whole(done), clip(text))
	}
	return parsed, nil
}

func kindOf(value any) string {
	switch value.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case bool:
		return "true or false"
	default:
		return "null"
	}
}

func whole(done string) string {
	if done == "" {
		return "the document"
	}
	return done
}
