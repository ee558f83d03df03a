package config

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

func TestTheReferencePageIsUpToDate(t *testing.T) {
	const page = "../docs/configuration.md"
	if *update {
		if err := os.WriteFile(page, []byte(referencePage()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(content) != referencePage() {
		t.Error("docs/configuration.md does not say what the types say: run go test ./config -update")
	}
}

// Every field has what messages, schema and reference are made of.
func TestEveryFieldIsDescribed(t *testing.T) {
	var walk func(typ reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		for _, f := range fieldsOf(deref(typ)) {
			at := joinPath(path, f.name)
			if f.doc() == "" {
				t.Errorf("%s has no doc tag", at)
			}
			if exampleOf(f) == "" {
				t.Errorf("%s has neither example nor default", at)
			}
			if strings.Contains(f.doc(), "|") {
				t.Errorf("%s: a bar would break the table", at)
			}
			switch shapeOf(f.typ) {
			case structShape:
				walk(f.typ, at)
			case listShape, mapShape:
				if shapeOf(f.typ.Elem()) == structShape {
					walk(f.typ.Elem(), at+".NAME")
				}
			}
		}
	}
	walk(configType, "")
}

// An example that a message shows must be right itself.
func TestExamplesFitTheSchema(t *testing.T) {
	schema := compiledSchema(t)
	for _, f := range fieldsOf(configType) {
		if err := judge(t, schema, exampleOf(f)+"\n"); err != nil && f.name != "load" {
			t.Errorf("%s: %v", exampleOf(f), err)
		}
		if shapeOf(f.typ) != structShape {
			continue
		}
		for _, inner := range fieldsOf(deref(f.typ)) {
			if f.name == "load" {
				continue // its fields must be given together
			}
			if err := judge(t, schema, f.name+":\n  "+exampleOf(inner)+"\n"); err != nil {
				t.Errorf("%s: %s: %v", f.name, exampleOf(inner), err)
			}
		}
	}
}
