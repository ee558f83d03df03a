package config

import "strings"

// splitJSON separates JSON objects that follow each other in one file without anything between them, as
// "{…}\n{…}", which is neither one JSON nor one YAML document but is what one gets by pasting two documents into a
// file. Each part is as long as the text before its end: what does not belong to it is blanked out, so that lines
// and columns stay true. A text that does not begin with "{" is returned whole, as YAML.
//
// Of more than maxDocuments it returns as many and one more.
func splitJSON(text string) []string {
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return []string{text}
	}
	var parts []string
	start, depth, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '#' || c == '\'':
			return []string{text} // YAML in braces, not JSON
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
			if depth == 0 {
				parts = append(parts, blank(text[:start])+text[start:i+1])
				start = i + 1
				if len(parts) > maxDocuments {
					return parts
				}
			}
		case depth == 0 && !strings.ContainsRune(" \t\r\n", rune(c)):
			return []string{text} // something between: let the YAML parser say what
		}
	}
	if rest := text[start:]; strings.TrimSpace(rest) != "" || len(parts) == 0 {
		return []string{text}
	}
	return parts
}

// blank replaces every character but line ends by a space.
func blank(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return r
		}
		return ' '
	}, text)
}
