package config

import (
	"fmt"
	"reflect"
	"strings"

	"headroom.dev/headroom"
)

// referencePage is the page that describes every field, as Markdown. docs/configuration.md is this text.
func referencePage() string {
	var out strings.Builder
	out.WriteString(referenceHead)
	config := reflect.TypeFor[headroom.Config]()
	for _, f := range fieldsOf(config) {
		switch shapeOf(f.typ) {
		case structShape:
			section(&out, f.name, f.name, f.doc(), deref(f.typ))
		case mapShape:
			section(&out, f.name+".NAME", f.name, f.doc(), f.typ.Elem())
		}
	}
	out.WriteString(referenceTail())
	return out.String()
}

const referenceHead = `# Configuration

<!-- Made from the types by ` + "`go test ./config -update`" + `; change the doc tags there, not this page. -->

Headroom reads one file, YAML or JSON. Four lines are enough:

` + "```yaml" + `
services:
  shop:
    run: ./shop --port {{port}}
    scaling: {minReplicas: 2, maxReplicas: 10, targetCPUUtilization: 70}
` + "```" + `

- **Where it is looked for**: the files given with ` + "`-c`" + `, else ` + "`./headroom.yaml`, `./headroom.yml`, `./headroom.json`, `/etc/headroom/headroom.yaml`" + `.
- **Several files** (` + "`-c a.yaml -c b.json`" + `) and several documents in one file are merged, the later winning: blocks merge
  field by field, lists and single values replace.
- **Defaults for every service**: ` + "`scaling` and `loadBalancing`" + ` at the top hold for every service; a service's own block
  overrides them field by field. What concerns requests does not apply to services whose protocol is tcp.
- **Environment**: every field has a variable, ` + "`scaling.minReplicas` is `HEADROOM_SCALING_MIN_REPLICAS`" + `, and of a service
  ` + "`HEADROOM_SERVICES_SHOP_SCALING_MIN_REPLICAS`" + ` (dashes in the name become underscores). Lists and blocks are given as YAML
  or JSON text. An empty variable counts as not set, and one that sets nothing is a warning.
- **` + "`.env`" + `** beside the first config file, and one in the working directory (which wins over it), are read too.
- **Precedence**: defaults < files < ` + "`.env`" + ` < environment. ` + "`headroom config show --origin`" + ` says where each value came from.
- **` + "`${NAME}`" + `** in any value of a file is replaced by a variable, ` + "`${NAME:-text}`" + ` has a default, ` + "`$$`" + ` is a dollar sign.
- **Secrets** (marked below) may be given as ` + "`file:PATH`, in a header as `Bearer file:PATH`" + `; a value that itself begins with ` + "`file:` is written `literal:file:…`" + `.
- **Paths** are relative to the file in which they stand.
- **Durations** are ` + "`250ms`, `30s`, `5m`, `1h30m`, `30d`" + `; **sizes** ` + "`512MiB`, `2GiB`, `500MB`" + `; **processor shares** ` + "`500m`, `2`, `1.5`" + `.
- **Changes** of the file are taken over while headroom runs (or on SIGHUP), if the whole is valid; otherwise the old
  configuration stays and the log says why. ` + "`api.listen`, `api.token`, `api.tokenFile`, `state.dir`, `monitoring.retention`, `monitoring.maxSize`" + `
  and ` + "`log.format`" + ` need a restart.
- **` + "`headroom schema`" + `** prints the JSON Schema, for editors.
`

func referenceTail() string {
	names := ReservedVariables()
	for i, name := range names {
		names[i] = "`" + name + "`"
	}
	return "\n## Variables of the command line\n\nThese set no field; the command line reads them: " + strings.Join(names, ", ") + ".\n"
}

// section writes the table of one top-level block; blocks within blocks are rows with dots in their names.
func section(out *strings.Builder, title, path, doc string, t reflect.Type) {
	fmt.Fprintf(out, "\n## %s\n\n%s.\n\n| field | values | default | meaning |\n|---|---|---|---|\n", title, sentence(doc))
	rows(out, "", path, t)
}

func rows(out *strings.Builder, name, path string, t reflect.Type) {
	for _, f := range fieldsOf(t) {
		at := joinPath(name, f.name)
		if (path == "services" || strings.HasPrefix(path, "services.")) && (at == "scaling" || at == "loadBalancing") {
			fmt.Fprintf(out, "| `%s` | fields as under [%s](#%s) | from there | %s |\n", at, f.name, strings.ToLower(f.name), cell(f.doc()))
			continue
		}
		switch shapeOf(f.typ) {
		case structShape:
			if short, ok := shorthandOf(f.typ); ok {
				fmt.Fprintf(out, "| `%s` | fields below, or bare `%s` | | %s, such as `%s` |\n", at, short.name, cell(f.doc()), cell(f.example()))
			}
			rows(out, at, path, deref(f.typ))
		case listShape:
			row(out, at, f)
			if shapeOf(f.typ.Elem()) == structShape {
				rows(out, at+"[]", path, f.typ.Elem())
			}
		default:
			row(out, at, f)
		}
	}
}

func row(out *strings.Builder, name string, f field) {
	standard := ""
	if f.hasDefault() {
		standard = "`" + f.tag.Get("default") + "`"
	} else if f.required() {
		standard = "must be given"
	}
	meaning := cell(f.doc())
	if f.isSecret() {
		meaning += " (secret)"
	}
	if f.example() != "" && f.example() != f.tag.Get("default") {
		meaning += ", such as `" + cell(f.example()) + "`"
	}
	fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", name, values(f), standard, meaning)
}

// values says what may be written.
func values(f field) string {
	if options := f.enum(); len(options) > 0 {
		return "`" + strings.Join(options, "`, `") + "`"
	}
	switch shapeOf(f.typ) {
	case commandShape:
		return "text, or list of words"
	case listShape:
		return "list"
	case mapShape:
		return "names and texts"
	case intShape, floatShape:
		if minimum, maximum := f.tag.Get("minimum"), f.tag.Get("maximum"); minimum != "" && maximum != "" {
			return fmt.Sprintf("%s of %s to %s", strings.TrimPrefix(wanted(f.typ), "a "), minimum, maximum)
		}
	}
	return strings.TrimPrefix(wanted(f.typ), "a ")
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
