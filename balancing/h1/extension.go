package h1

// validExtensions reads what RFC 9112 section 7.1.1 lets follow a chunk's size: *( BWS ";" BWS name [ BWS "=" BWS value ] ). It must begin
// at once and end without whitespace, for that before CR LF has been read in two ways.
func validExtensions(b []byte) bool {
	for len(b) > 0 {
		if b[0] != ';' {
			return false
		}
		b = skipBlank(b[1:])
		name := tokenLength(b)
		if name == 0 {
			return false
		}
		rest := skipBlank(b[name:])
		if len(rest) > 0 && rest[0] == '=' {
			b = skipBlank(rest[1:])
			value := valueLength(b)
			if value == 0 {
				return false
			}
			rest = skipBlank(b[value:])
		}
		if len(rest) == 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
			return false
		}
		b = rest
	}
	return true
}

// valueLength is the length of the token or quoted string that b begins with, 0 if it is neither.
func valueLength(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return tokenLength(b)
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return 0
}

func tokenLength(b []byte) int {
	n := 0
	for n < len(b) && classes[b[n]]&isToken != 0 {
		n++
	}
	return n
}

func skipBlank(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}
