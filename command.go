package headroom

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Command is a program and its arguments. Users write a list of words, or one string that is split into words at
// spaces, with single and double quotes and backslashes as in a shell; no shell is run and nothing else is expanded. What
// would be an operator of a shell is refused unless it is quoted: it would reach the program as a word.
type Command []string

// UnmarshalText splits one string into words.
func (c *Command) UnmarshalText(text []byte) error {
	words, err := splitWords(string(text))
	if err != nil {
		return err
	}
	*c = words
	return nil
}

// UnmarshalJSON takes both forms that users write; a list is also how a command is written as JSON.
func (c *Command) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		return c.UnmarshalText([]byte(text))
	}
	var words []string
	if err := json.Unmarshal(data, &words); err != nil {
		return err
	}
	*c = words
	return nil
}

// String joins the words, quoting those that need it, so that parsing the result gives the same words.
func (c Command) String() string {
	quoted := make([]string, len(c))
	for i, word := range c {
		quoted[i] = word
		if word == "" || isOperator(word) || strings.ContainsAny(word, " \t\n'\"\\;") {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// isOperator tells whether a shell would take a word for an operator: a pipe, a list or a redirection.
func isOperator(word string) bool {
	return slices.Contains([]string{"|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>>", "2>&1", ">&2", "&>"}, word)
}

func splitWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quoted, quote := false, false, rune(0)
	end := func() error {
		if !inWord {
			return nil
		}
		if written := word.String(); !quoted && (isOperator(written) || strings.HasSuffix(written, ";")) {
			return fmt.Errorf("%q has %s, and no shell is run that would understand it: quote it, or run a shell: [sh, -c, 'exec ...']", text, written)
		}
		words = append(words, word.String())
		word.Reset()
		inWord, quoted = false, false
		return nil
	}
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case r == '\\' && quote != '\'':
			if i+1 == len(runes) {
				return nil, fmt.Errorf("%q ends in a backslash: write the character that it should protect", text)
			}
			i++
			inWord, quoted = true, true
			word.WriteRune(runes[i])
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord, quoted = r, true, true
		case r == ' ' || r == '\t' || r == '\n':
			if err := end(); err != nil {
				return nil, err
			}
		default:
			inWord = true
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("%q has a %c that is never closed", text, quote)
	}
	if err := end(); err != nil {
		return nil, err
	}
	return words, nil
}
