package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"headroom.dev/headroom"
)

// scalar binds one value: checks that it is of the kind the field wants, and sets it.
func (b *binder) scalar(v reflect.Value, f field, n *node, path string) {
	secret := f.isSecret()
	if n.kind != scalarNode {
		if secret {
			rest := n.at
			rest.width = maxSize // the line to its end
			rest.hide()
		}
		b.problem(n.at, path, f, "must be "+wanted(v.Type())+", is "+n.describe(""))
		return
	}
	if secret {
		n.at.hide()
	}
	text, ok := b.text(n, f, path)
	if !ok {
		return
	}
	source := n.origin()
	if secret {
		if text, source, ok = b.secret(text, source, n, f, path); !ok {
			return
		}
	}
	loose := n.loose || text != n.text
	if advice, ok := fits(v.Type(), text, n.quoted && !loose, loose); !ok {
		shown := n.describe(text)
		if secret {
			shown = "something else"
		}
		b.problem(n.at, path, f, fmt.Sprintf("must be %s, is %s%s", wanted(v.Type()), shown, advice))
		return
	}
	if wrong := setText(v, text); wrong != "" {
		b.problem(n.at, path, f, wrong)
		return
	}
	b.origins[path] = Origin{Value: text, Source: source, Secret: secret}
}

// text is a scalar's text with variables expanded. Only what stands in files is: a shell has been at the rest.
func (b *binder) text(n *node, f field, path string) (string, bool) {
	if b.plain || n.at.source == nil || n.at.source.kind != fromFile || !strings.Contains(n.text, "$") {
		return n.text, true
	}
	text, reference, err := expand(n.text, b.lookup, b.known)
	if err != nil {
		b.failed[path] = true
		message := err.Error()
		if f.isSecret() && !strings.HasPrefix(message, "the variable") {
			message = "has a ${ that is not followed by NAME} or NAME:-default}"
		}
		b.found.add(n.at.within(reference), path, message, "")
		return "", false
	}
	return text, true
}

// within narrows a place to a piece of the text that stands there, where it can be found in the line.
func (p place) within(piece string) place {
	if p.line < 1 || p.line > len(p.source.lines) {
		return p
	}
	line := []rune(p.source.lines[p.line-1])
	if p.column < 1 || p.column > len(line) {
		return p
	}
	before, _, found := strings.Cut(string(line[p.column-1:]), piece)
	if !found {
		return p
	}
	p.column += utf8.RuneCountInString(before)
	p.width = utf8.RuneCountInString(piece)
	return p
}

// secret follows "file:PATH", also after the scheme of an Authorization header: "Bearer file:PATH".
func (b *binder) secret(text, source string, n *node, f field, path string) (string, string, bool) {
	if b.plain {
		return text, source, true
	}
	if rest, ok := strings.CutPrefix(text, literalPrefix); ok {
		return rest, source, true
	}
	scheme, rest := cutScheme(text)
	name, ok := strings.CutPrefix(rest, filePrefix)
	if !ok {
		return text, source, true
	}
	dir := b.dir
	if n.at.source != nil && n.at.source.dir != "" {
		dir = n.at.source.dir
	}
	name = absolute(name, dir)
	b.secrets = append(b.secrets, name)
	content, err := readSecret(name)
	if err != nil {
		b.failed[path] = true
		message := err.Error()
		if f.name != "token" {
			message += "; a value that itself begins with file: is written literal:file:…"
		}
		b.found.add(n.at, path, message, "")
		return "", "", false
	}
	return scheme + content, source + ", from file " + name, true
}

// cutScheme takes the scheme of an Authorization header, with the space behind it, from a value that begins with one.
func cutScheme(text string) (scheme, rest string) {
	word, rest, _ := strings.Cut(text, " ")
	if strings.EqualFold(word, "Bearer") || strings.EqualFold(word, "Basic") {
		return word + " ", rest
	}
	return "", text
}

// wanted says in a user's words what values a type takes.
func wanted(t reflect.Type) string {
	switch shapeOf(t) {
	case boolShape:
		return "true or false"
	case intShape:
		return "a whole number"
	case floatShape:
		return "a number"
	case typedShape:
		switch deref(t) {
		case reflect.TypeFor[headroom.Duration]():
			return "a duration"
		case reflect.TypeFor[headroom.Bytes]():
			return "a size"
		case reflect.TypeFor[headroom.CPU]():
			return "a processor share"
		case reflect.TypeFor[headroom.PortRange]():
			return "a range of ports"
		case reflect.TypeFor[headroom.Money]():
			return "an amount of money"
		}
		return "text"
	default:
		return "text"
	}
}

// fits tells whether a scalar as written is of the kind that a type takes, and where not what to do about it, to be
// put behind what it is. Whether a number is in range is not asked here.
func fits(t reflect.Type, text string, quoted, loose bool) (advice string, ok bool) {
	_, isNumber := number(text)
	isBool := text == "true" || text == "false"
	switch shapeOf(t) {
	case boolShape:
		switch {
		case isBool && !quoted:
			return "", true
		case isBool:
			return ": write it without quotes", false
		}
		switch strings.ToLower(text) {
		case "yes", "on", "y", "1":
			return ": write true", false
		case "no", "off", "n", "0":
			return ": write false", false
		}
		return "", false
	case intShape, floatShape:
		switch {
		case isNumber && !quoted:
			return "", true
		case isNumber:
			return ": write it without quotes", false
		}
		if bare, ok := strings.CutSuffix(text, "%"); ok {
			if _, isNumber := number(strings.TrimSpace(bare)); isNumber {
				return ": write " + strings.TrimSpace(bare) + ", without the percent sign", false
			}
		}
		return "", false
	case typedShape:
		return "", true // what the type itself says of the text is more helpful
	default:
		if (isNumber || isBool) && !quoted && !loose {
			return ": put it in quotes", false
		}
		return "", true
	}
}

// setText sets a value from text that fits; it returns what is wrong with it, in the user's words.
func setText(v reflect.Value, text string) string {
	if unmarshaler, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := unmarshaler.UnmarshalText([]byte(text)); err != nil {
			return err.Error()
		}
		if pattern := patternOf(v.Type()); pattern != nil && !pattern.MatchString(text) {
			return fmt.Sprintf("%q is not written as %s should be", text, wanted(v.Type()))
		}
		return ""
	}
	switch shapeOf(v.Type()) {
	case boolShape:
		v.SetBool(text == "true")
	case intShape:
		value, _ := number(text)
		// 2^53: above it a float64, and with it JSON, no longer tells neighbors apart.
		if value != math.Trunc(value) || math.Abs(value) > 1<<53 {
			return fmt.Sprintf("must be a whole number, is %s", text)
		}
		v.SetInt(int64(value))
	case floatShape:
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Sprintf("must be a number, is %s", text)
		}
		v.SetFloat(value)
	default:
		v.SetString(text)
	}
	return ""
}
