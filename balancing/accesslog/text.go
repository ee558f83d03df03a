package accesslog

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

// bytesOf is the memory of a string, which is only read here: with it there is one way to append a text, and no copy.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// appendText appends a JSON string.
func appendText(out, text []byte) []byte {
	cut := len(text) > longestValue
	if cut {
		text = text[:longestValue]
	}
	out = append(out, '"')
	for {
		plain := plainLength(text)
		out = append(out, text[:plain]...)
		if plain == len(text) {
			break
		}
		r, size := utf8.DecodeRune(text[plain:])
		out = appendEscape(out, r)
		text = text[plain+size:]
	}
	if cut {
		out = append(out, "…"...)
	}
	return append(out, '"')
}

// plainLength is how much of a text, from its start, is ASCII that needs no escape: all of nearly every text. Hot path: eight bytes
// at a time, which takes a third of the time.
func plainLength(text []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; len(text)-i >= 8; i += 8 {
		x := binary.LittleEndian.Uint64(text[i:])
		// The top bit of any byte is set if one is above 0x7f, 0x7f, below a space, a quote or a backslash, in this order.
		if (x|(x+ones)|(x-0x20*ones)|((x^'"'*ones)-ones)|((x^'\\'*ones)-ones))&tops != 0 {
			break
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// appendEscape appends a character as it stands in a JSON string. Escaped are controls (U+0000 to U+001F and U+007F to U+009F), quotes
// and backslashes.
func appendEscape(out []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	switch {
	case r == '"' || r == '\\':
		return append(out, '\\', byte(r))
	case r < ' ' || r >= 0x7f && r <= 0x9f:
		return append(out, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
	}
	return utf8.AppendRune(out, r)
}
