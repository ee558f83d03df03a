package headroom

import "fmt"

// InvalidError says that a value cannot be accepted: which field, what it was, and what was expected.
type InvalidError struct {
	Field    string // path as users write it: "services.shop.scaling.minReplicas"
	Value    string // as given; empty where there was none
	Expected string // in the user's words, with an example
}

func (e *InvalidError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Expected)
	}
	return fmt.Sprintf("%s: %s: %s", e.Field, e.Value, e.Expected)
}

// UnknownNameError says that something named does not exist; Known lists what does.
type UnknownNameError struct {
	Kind  string // "service", "policy", "backend", "decision", "replica"
	Name  string
	Known []string
}

func (e *UnknownNameError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("there is no %s %q", e.Kind, e.Name)
	}
	return fmt.Sprintf("there is no %s %q; there is %s", e.Kind, e.Name, joinNames(e.Known))
}

// ConflictError says that a change cannot be made in the present state, and what to do instead.
type ConflictError struct{ Reason string }

func (e *ConflictError) Error() string { return e.Reason }

func joinNames(names []string) string {
	const most = 8
	text := ""
	for i, name := range names {
		switch {
		case i == most:
			return fmt.Sprintf("%s and %d more", text, len(names)-most)
		case i > 0:
			text += ", "
		}
		text += name
	}
	return text
}
