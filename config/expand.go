package config

import (
	"fmt"
	"regexp"
	"strings"

	"headroom.dev/headroom"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} by the value of a variable, ${NAME:-default} by the default where the variable is not set or
// empty, and $$ by one dollar sign. Any other dollar sign stays as it is, so {{port}}, $labels and $1 need no care.
// An error is in the user's words; reference is the piece of text that it is about.
func expand(text string, lookup func(string) (string, bool), known func() []string) (expanded, reference string, err error) {
	var out strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i == len(text)-1 {
			return out.String() + text, "", nil
		}
		out.WriteString(text[:i])
		switch text[i+1] {
		case '$':
			out.WriteByte('$')
			text = text[i+2:]
			continue
		case '{':
		default:
			out.WriteByte('$')
			text = text[i+1:]
			continue
		}
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			return "", text[i:], fmt.Errorf("%q has no closing brace: write ${NAME}, or $${ where a dollar sign and a brace are meant", text[i:])
		}
		reference = text[i : i+end+1]
		name, fallback, hasFallback := strings.Cut(text[i+2:i+end], ":-")
		if !variableName.MatchString(name) {
			return "", reference, fmt.Errorf("%s does not name a variable: write ${NAME} or ${NAME:-default}, or $${ where a dollar sign and a brace are meant", reference)
		}
		value, set := lookup(name)
		switch {
		case set && (value != "" || !hasFallback):
			out.WriteString(value)
		case hasFallback:
			out.WriteString(fallback)
		default:
			hint := ""
			if near := headroom.Nearest(name, known()); near != "" {
				hint = fmt.Sprintf("; did you mean ${%s}?", near)
			}
			return "", reference, fmt.Errorf("the variable %s is not set, neither in the environment nor in .env%s; a default is written ${%s:-default}", name, hint, name)
		}
		text = text[i+end+1:]
	}
}
