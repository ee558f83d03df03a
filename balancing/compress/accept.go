package compress

import "bytes"

// unheard is the weight of a coding that the client did not name.
const unheard = -1

// accepted chooses by RFC 9110 section 12.5.3: the coding of the greatest weight, among equals the one that the policy prefers. Without
// Accept-Encoding the client may not know any. A client that refuses everything there is gets the response as it is, since an answer is of
// more use than a 415.
func (p *Policy) accepted(header []byte) Coding {
	weights := [numCodings]int{unheard, unheard, unheard, unheard}
	others := unheard
	for len(header) > 0 {
		var element []byte
		element, header = cutComma(header)
		name, weight := parseElement(element)
		if bytes.Equal(name, []byte("*")) {
			others = weight
			continue
		}
		for c := range weights {
			if equalFold(name, Coding(c).String()) || Coding(c) == Gzip && equalFold(name, "x-gzip") {
				weights[c] = weight
			}
		}
	}
	best, most := Identity, max(weights[Identity], 0)
	for _, c := range p.order {
		weight := weights[c]
		if weight == unheard {
			weight = others
		}
		// Against identity, which is what clients name that can do without, any coding of its weight wins.
		if weight > most || weight == most && best == Identity && weight > 0 {
			best, most = c, weight
		}
	}
	return best
}

// parseElement reads: coding [ OWS ";" OWS "q=" qvalue ]. The weight is in thousandths; one that cannot be read is none.
func parseElement(element []byte) (name []byte, weight int) {
	name, parameter, found := bytes.Cut(element, []byte(";"))
	name = trim(name)
	if !found {
		return name, 1000
	}
	parameter = trim(parameter)
	if len(parameter) < 3 || parameter[0] != 'q' && parameter[0] != 'Q' || parameter[1] != '=' {
		return name, 0
	}
	return name, parseWeight(parameter[2:])
}

// parseWeight reads 0, 1, or these with up to three digits behind a point (RFC 9110 section 12.4.2).
func parseWeight(text []byte) int {
	if len(text) > 5 || text[0] != '0' && text[0] != '1' || len(text) > 1 && text[1] != '.' {
		return 0
	}
	weight, unit := int(text[0]-'0')*1000, 100
	for _, c := range text[min(2, len(text)):] {
		if c < '0' || c > '9' {
			return 0
		}
		weight += int(c-'0') * unit
		unit /= 10
	}
	if weight > 1000 {
		return 0
	}
	return weight
}

func cutComma(list []byte) (element, rest []byte) {
	if i := bytes.IndexByte(list, ','); i >= 0 {
		return trim(list[:i]), list[i+1:]
	}
	return trim(list), nil
}

// hasToken reports whether a list has an element, in any case and apart from its parameters.
func hasToken(list []byte, token string) bool {
	for len(list) > 0 {
		var element []byte
		element, list = cutComma(list)
		if equalFold(element, token) {
			return true
		}
	}
	return false
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// equalFold compares ASCII without regard to case; lower is in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
