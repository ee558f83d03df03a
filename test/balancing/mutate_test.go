package balancing

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
)

// mutator makes streams of requests that are a little wrong, the way attackers make them: framing above all.
type mutator struct{ random *rand.Rand }

func newMutator(seed, number uint64) mutator { return mutator{rand.New(rand.NewPCG(seed, number))} }

// bases are good requests, each of which every origin here takes.
var bases = []string{
	get(),
	head("GET /a/b?c=d HTTP/1.1", "Accept: */*", "X: y"),
	head("HEAD /h HTTP/1.1"),
	head("OPTIONS /o HTTP/1.1"),
	head("GET http://a/abs HTTP/1.1"),
	head("GET /old HTTP/1.0", "Connection: keep-alive"),
	sized(""),
	sized("hello"),
	sized(smuggled),
	sized(strings.Repeat("0123456789", 2000)),
	get("Content-Length: 5") + "hello",
	head("PUT /p HTTP/1.1", "Content-Length: 3", "X-Y: z") + "put",
	head("DELETE /d HTTP/1.1", "Content-Length: 0"),
	chunked("0\r\n\r\n"),
	chunked("5\r\nhello\r\n0\r\n\r\n"),
	chunked("3\r\nabc\r\n00A;ext=1\r\n0123456789\r\n0\r\n\r\n"),
	chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "Trailer: X-Sum"),
	chunked("1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n"),
	sized("hello", "Expect: 100-continue"),
	sized("hello", "Connection: x-hop", "X-Hop: 1"),
}

// spices are lines of heads that matter to framing and to who is trusted.
var spices = []string{
	"Content-Length: 0", "Content-Length: 5", "Content-Length: 35", "content-length:5", "Content-Length : 5", "Content-Length: +5",
	"Content-Length: 5,5",
	"Content_Length: 5", "Transfer-Encoding: chunked", "transfer-encoding:\tchunked", "Transfer-Encoding: CHUNKED",
	"Transfer-Encoding: identity",
	"Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding : chunked",
	"Transfer-Encoding: \vchunked",
	"Transfer_Encoding: chunked", "X: y\r\n z", "Connection: close", "Connection: keep-alive", "Connection: content-length",
	"Connection: transfer-encoding",
	"Connection: host", "Host: b", "Host: a", "Expect: 100-continue", "Expect: x", "Upgrade: h2c", "TE: trailers", "Trailer: X-Sum", "X",
	": y", "X\x00: y",
	"Keep-Alive: timeout=5", "X-Forwarded-For: 1.1.1.1",
}

// bits are what is put in at any place.
var bits = []string{
	"\r", "\n", "\r\n", "\r\n\r\n", "\r\r\n", "\n\n", " ", "\t", "\x00", "\x0b", "\x0c", "\x85", "\xa0", "\xff", ":", ";", ",", "0", "1",
	"5", "a", "f", "x", "0x", "+", "-", "_", "\"",
	"0\r\n\r\n", "5\r\nhello\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", " HTTP/1.1", "HTTP/1.0", "%", "#", "\\", "?", "*", "/",
}

// stream makes one to four requests with zero to three mistakes.
func (m mutator) stream() []byte {
	var s []byte
	for range 1 + m.random.IntN(4) {
		s = append(s, pickOf(m, bases)...)
	}
	for range m.random.IntN(4) {
		s = m.mutate(s)
	}
	return s
}

func pickOf[T any](m mutator, list []T) T { return list[m.random.IntN(len(list))] }

func (m mutator) mutate(s []byte) []byte {
	if len(s) == 0 {
		return s
	}
	at := m.random.IntN(len(s))
	switch m.random.IntN(10) {
	case 0:
		s[at] = pickOf(m, bits)[0]
	case 1:
		return splice(s, at, at, pickOf(m, bits))
	case 2:
		return splice(s, at, min(len(s), at+1+m.random.IntN(3)), "")
	case 3, 4: // a line more
		if line := bytes.Index(s[at:], []byte("\r\n")); line >= 0 {
			return splice(s, at+line+2, at+line+2, pickOf(m, spices)+"\r\n")
		}
	case 5: // a line twice, or not at all
		start := bytes.LastIndexByte(s[:at], '\n') + 1
		if end := bytes.IndexByte(s[start:], '\n') + 1; end > 0 {
			return splice(s, start, start+end, strings.Repeat(string(s[start:start+end]), 2*m.random.IntN(2)))
		}
	case 6: // another end of a line
		if line := bytes.Index(s[at:], []byte("\r\n")); line >= 0 {
			return splice(s, at+line, at+line+2, pickOf(m, []string{"\n", "\r", "\r\r\n", "\r\n ", "\r\n\t", " \r\n", "\x00\r\n"}))
		}
	case 7: // another number
		return m.renumber(s, at)
	case 8: // other case
		if c := s[at] | 0x20; c >= 'a' && c <= 'z' {
			s[at] ^= 0x20
		}
	case 9: // the end is missing
		if m.random.IntN(4) == 0 {
			return s[:at]
		}
	}
	return s
}

// renumber writes the next number in another way, or makes it another number.
func (m mutator) renumber(s []byte, at int) []byte {
	for at < len(s) && (s[at] < '0' || s[at] > '9') {
		at++
	}
	end := at
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	number := string(s[at:end])
	n, err := strconv.Atoi(number)
	if err != nil {
		return s
	}
	forms := []string{
		strconv.Itoa(n + 1), strconv.Itoa(n - 1), "0" + number, "+" + number, number + " ", " " + number, number + ";", number + "\t",
		"0x" + number,
		strconv.FormatInt(int64(n), 16), number + "," + number, "", number + "0", "18446744073709551616", "ffffffffffffffff", number + "_0",
	}
	return splice(s, at, end, pickOf(m, forms))
}

func splice(s []byte, from, to int, with string) []byte {
	out := append([]byte(nil), s[:from]...)
	return append(append(out, with...), s[to:]...)
}
