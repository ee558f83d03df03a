package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// variable is one NAME=value, from the environment or from a line of a .env file.
type variable struct {
	name, value string
	file        string // the .env file; "" for the environment
	line        int    // in it
}

// environment is what variables there are: the real ones and, where those say nothing, the ones of .env files.
type environment struct {
	real   map[string]variable
	dotenv map[string]variable
}

// lookup finds a variable for ${NAME}; the real environment wins.
func (e environment) lookup(name string) (string, bool) {
	if v, ok := e.real[name]; ok {
		return v.value, true
	}
	v, ok := e.dotenv[name]
	return v.value, ok
}

// names lists all variables, for suggestions.
func (e environment) names() []string {
	var names []string
	for name := range e.real {
		names = append(names, name)
	}
	for name := range e.dotenv {
		names = append(names, name)
	}
	return names
}

func newEnvironment(pairs []string) environment {
	env := environment{real: map[string]variable{}, dotenv: map[string]variable{}}
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok && name != "" {
			env.real[name] = variable{name: name, value: value}
		}
	}
	return env
}

// readDotEnv adds the variables of a .env file; those of a file read later win. A file that is not there is fine,
// and so is a directory of that name, where Python keeps its packages.
func (e environment) readDotEnv(path string, found *problems) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return
	}
	content, err := readLimited(path)
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		found.add(place{}, "", "the .env file cannot be read: "+err.Error(), "")
		return
	}
	src := newSource(fromFile, path, content)
	if line, wrong := checkText(content); wrong != "" {
		found.add(place{source: src, line: max(1, line), column: 1}, "", wrong, "")
		return
	}
	for i, line := range src.lines {
		name, value, wrong := parseDotEnvLine(strings.TrimPrefix(line, "\uFEFF"))
		if wrong != "" {
			at := place{source: src, line: i + 1, column: 1, width: len([]rune(line))}
			at.hide() // a .env file is full of secrets
			found.add(at, "", wrong, "HEADROOM_LOG_LEVEL=debug")
			continue
		}
		if name != "" {
			e.dotenv[name] = variable{name: name, value: value, file: path, line: i + 1}
		}
	}
}

var (
	dotEnvLine    = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*?)\s*$`)
	inlineComment = regexp.MustCompile(`(^|\s)#.*$`)
)

// parseDotEnvLine reads NAME=value, NAME="value with \n and \"", NAME='value as it is'; blank lines and lines that
// begin with # give no name. Unquoted values end before " #".
func parseDotEnvLine(line string) (name, value, wrong string) {
	if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
		return "", "", ""
	}
	match := dotEnvLine.FindStringSubmatch(line)
	if match == nil {
		return "", "", "is not a variable: write NAME=value"
	}
	name, value = match[1], match[2]
	if value == "" || (value[0] != '"' && value[0] != '\'') {
		return name, strings.TrimSpace(inlineComment.ReplaceAllString(value, "")), ""
	}
	quote := value[0]
	var out strings.Builder
	for i := 1; i < len(value); i++ {
		c := value[i]
		switch {
		case c == quote:
			if rest := strings.TrimSpace(value[i+1:]); rest != "" && rest[0] != '#' {
				return "", "", fmt.Sprintf("the value of %s goes on after its closing quote", name)
			}
			return name, out.String(), ""
		case c == '\\' && quote == '"' && i+1 < len(value):
			i++
			switch value[i] {
			case 'n':
				out.WriteByte('\n')
			case 't':
				out.WriteByte('\t')
			case '"', '\\', '$':
				out.WriteByte(value[i])
			default:
				out.WriteByte('\\')
				out.WriteByte(value[i])
			}
		default:
			out.WriteByte(c)
		}
	}
	return "", "", fmt.Sprintf("the value of %s has a quote that is never closed", name)
}
