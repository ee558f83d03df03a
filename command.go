package headroom

import (
	"fmt"
	"strings"
)

// Command is a program and its arguments. Users write a list of words, or one string that is split into words at
// spaces, with single and double quotes and backslashes as in a shell; no shell is run and nothing else is expanded.
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

// String joins the words, quoting those that need it, so that parsing the result gives the same words.
func (c Command) String() string {
	quoted := make([]string, len(c))
	for i, word := range c {
		quoted[i] = word
		if word == "" || strings.ContainsAny(word, " \t\n'\"\\") {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

func splitWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
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
			inWord = true
			word.WriteRune(runes[i])
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			inWord = true
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("%q has a %c that is never closed", text, quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
