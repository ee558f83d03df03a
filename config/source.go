package config

import (
	"strconv"
	"strings"
)

// sourceKind says what kind of place a text was read from.
type sourceKind int

const (
	fromFile        sourceKind = iota // a config file
	fromEnvironment                   // an environment variable
	fromDotEnv                        // a line of a .env file
	fromText                          // a text that stands alone, see Read
)

// source is one text that values were read from.
type source struct {
	kind     sourceKind
	name     string // path of the file as the user gave it; of a variable its name
	dotenv   string // for fromDotEnv: path of the .env file
	dir      string // directory that relative paths in it mean; "" is the config's own
	lineBase int    // for fromDotEnv: lines before the variable
	lines    []string
	secrets  map[place]bool // values never to be shown
}

func newSource(kind sourceKind, name, text string) *source {
	return &source{kind: kind, name: name, lines: strings.Split(unixLines(text), "\n")}
}

// unixLines ends lines as the parser counts them: a carriage return, alone or before a line feed, is one line end.
func unixLines(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// place is where a name or value stands in a source. Lines and columns begin at 1; columns and width count characters.
type place struct {
	source       *source
	line, column int
	width        int
}

// String names the place as in the origin of a value: "headroom.yaml:4:5", "env NAME", ".env NAME" or "default".
func (p place) String() string {
	switch {
	case p.source == nil:
		return "default"
	case p.source.kind == fromEnvironment:
		return "env " + p.source.name
	case p.source.kind == fromDotEnv:
		return ".env " + p.source.name
	default:
		return p.source.name + ":" + strconv.Itoa(p.line) + ":" + strconv.Itoa(p.column)
	}
}

// String for messages: the same, but in whole words and with the line of a .env file.
func (p place) inWords() string {
	switch {
	case p.source == nil:
		return ""
	case p.source.kind == fromEnvironment:
		return "environment variable " + p.source.name
	case p.source.kind == fromDotEnv:
		return p.source.dotenv + ":" + strconv.Itoa(p.source.lineBase+1) + ": variable " + p.source.name
	default:
		return p.String()
	}
}

// excerpt is the line of the place with a caret under it, or "" where the source has no such line. Values known to be
// secret are masked. Long lines are cut to what is around the place.
func (p place) excerpt() string {
	if p.source == nil || p.source.kind != fromFile && p.source.kind != fromText || p.line < 1 || p.line > len(p.source.lines) {
		return ""
	}
	text := []rune(strings.ReplaceAll(p.source.lines[p.line-1], "\t", " "))
	for i, r := range text {
		if r < ' ' || r == 0x7f {
			text[i] = '\uFFFD' // control characters would move the cursor of a terminal
		}
	}
	for secret := range p.source.secrets {
		if secret.line != p.line {
			continue
		}
		for i := secret.column - 1; i >= 0 && i < len(text) && i < secret.column-1+secret.width; i++ {
			text[i] = '*'
		}
	}
	const before, after = 50, 60
	column := min(max(p.column, 1), len(text)+1)
	width := min(max(p.width, 1), max(1, len(text)-column+1), after)
	from, to := 0, len(text)
	prefix, suffix := "", ""
	if column-1 > before {
		from, prefix = column-1-before, "…"
	}
	if to > column-1+after {
		to, suffix = column-1+after, "…"
	}
	number := strconv.Itoa(p.line)
	gap := strings.Repeat(" ", len(number))
	shown := prefix + string(text[from:to]) + suffix
	indent := strings.Repeat(" ", column-1-from+len([]rune(prefix)))
	return "  " + number + " | " + strings.TrimRight(shown, " ") + "\n  " + gap + " | " + indent + strings.Repeat("^", width)
}

// hide keeps the value at a place out of every excerpt.
func (p place) hide() {
	if p.source == nil {
		return
	}
	if p.source.secrets == nil {
		p.source.secrets = map[place]bool{}
	}
	p.source.secrets[p] = true
}
