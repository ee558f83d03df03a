package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// prefix begins the name of every variable that sets a field.
const prefix = "HEADROOM_"

// ReservedVariables lists the HEADROOM_ variables that set no field but are read by the command line.
func ReservedVariables() []string {
	return []string{"HEADROOM_CONFIG", "HEADROOM_API", "HEADROOM_TOKEN", "HEADROOM_TOKEN_FILE", "HEADROOM_OUTPUT"}
}

// injected matches variables that Kubernetes and Docker links make by themselves for a service called headroom or
// headroom-…: HEADROOM_SERVICE_HOST, HEADROOM_PORT_8080_TCP_ADDR and so on. They are nobody's mistake.
var injected = regexp.MustCompile(`^HEADROOM_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// VariableName returns the environment variable of a field's path: "scaling.minReplicas" is
// HEADROOM_SCALING_MIN_REPLICAS. Lists are set as a whole, by the variable of the list.
func VariableName(path string) string {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		parts[i] = upperSnake(part)
	}
	return prefix + strings.Join(parts, "_")
}

var wordEnds = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// upperSnake turns targetCPUUtilization into TARGET_CPU_UTILIZATION and blue-shop into BLUE_SHOP.
func upperSnake(name string) string {
	// Twice, since matches do not overlap: "aBCd" has two word ends that share a letter.
	for range 2 {
		name = wordEnds.ReplaceAllString(name, "${1}${3}_${2}${4}")
	}
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// target is a field that a variable's name means: the names on the way to it, and its type.
type target struct {
	keys []string
	typ  reflect.Type
}

func (t target) path() string { return strings.Join(t.keys, ".") }

// targets finds the fields that rest (a variable's name without prefix) can mean under a type. services are the names
// of the services there are; a name may mean more than one field where a service's name has dashes.
func targets(t reflect.Type, rest string, keys, services []string) []target {
	t = deref(t)
	var found []target
	follow := func(name string, inner reflect.Type) {
		path := append(slices.Clone(keys), name)
		word := upperSnake(name)
		if rest == word {
			found = append(found, target{path, inner})
		} else if tail, ok := strings.CutPrefix(rest, word+"_"); ok {
			found = append(found, targets(inner, tail, path, services)...)
		}
	}
	switch shapeOf(t) {
	case structShape:
		for _, f := range fieldsOf(t) {
			follow(f.name, f.typ)
		}
	case mapShape:
		if shapeOf(t.Elem()) == textShape {
			return []target{{append(slices.Clone(keys), rest), t.Elem()}}
		}
		for _, name := range services {
			follow(name, t.Elem())
		}
	}
	return found
}

// variableNames lists the variables of all fields under a type, for suggestions and the reference.
func variableNames(t reflect.Type, path string, services []string) []string {
	t = deref(t)
	var names []string
	if path != "" {
		names = append(names, VariableName(path))
	}
	switch shapeOf(t) {
	case structShape:
		for _, f := range fieldsOf(t) {
			names = append(names, variableNames(f.typ, joinPath(path, f.name), services)...)
		}
	case mapShape:
		if shapeOf(t.Elem()) != textShape {
			for _, name := range services {
				names = append(names, variableNames(t.Elem(), joinPath(path, name), services)...)
			}
		}
	}
	return names
}
