package config

import (
	"encoding/json"
	"fmt"
	"reflect"

	"headroom.dev/headroom"
)

// Read sets a struct of the vocabulary from one text, YAML or JSON, as strictly as [Loader.Load] reads a config, with the same defaults and the same
// messages; name is what the messages call the text, and root what they put in front of each path (nothing where it is empty). Nothing
// else is looked at: variables and files that the text names stay as they are written. In fields with the tag partial:"true" nothing is required.
// What the types themselves refuse is the caller's to ask for. Its error is an [*Error]. It is safe for concurrent use.
func Read(name, root string, text []byte, into any) error {
	found := &problems{}
	src := newSource(fromText, name, string(text))
	start := place{source: src, line: 1, column: 1}
	documents := parse(src, string(text), found)
	switch {
	case len(found.list) > 0:
	case len(documents) == 0:
		found.add(start, root, "is empty", "")
	case len(documents) > 1:
		found.add(start, root, fmt.Sprintf("must be one document, and has %d", len(documents)), "")
	case documents[0].kind != mapNode:
		found.add(documents[0].at, root, "must be a block of fields, is "+documents[0].describe(documents[0].text), "")
	}
	if err := found.err([]*source{src}); err != nil {
		return err
	}
	v := reflect.ValueOf(into).Elem()
	of := field{typ: v.Type()}
	b := &binder{found: found, origins: map[string]Origin{}, places: map[string]place{}, fields: map[string]field{}, failed: map[string]bool{}, plain: true}
	b.structure(v, normalize(documents[0], of, root, found), root, start)
	return found.err([]*source{src})
}

// Unwrap gives the problem as the vocabulary says it.
func (p *Problem) Unwrap() error {
	return &headroom.InvalidError{Field: p.Path, Expected: p.Message}
}

// Unwrap gives all problems, so that errors.As finds the first.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, problem := range e.Problems {
		errs[i] = problem
	}
	return errs
}

// memory binds what a policy remembers, whose form is the policy's own business.
func (b *binder) memory(v reflect.Value, f field, n *node, path string) {
	text, err := json.Marshal(n.asJSON())
	if err == nil {
		err = json.Unmarshal(text, v.Addr().Interface())
	}
	if err != nil {
		b.problem(n.at, path, f, err.Error())
	}
}
