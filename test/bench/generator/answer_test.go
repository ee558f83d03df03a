//go:build linux

package generator

import "testing"

func TestTheEndOfAnAnswerIsFoundHoweverItIsCut(t *testing.T) {
	for _, test := range []struct {
		name, text string
		last       bool
	}{
		{"with a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n01234", false},
		{"without a body", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false},
		{"the last one", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n0", true},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n0\n0\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", false},
		{"chunked, of no chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for size := 1; size <= len(test.text); size++ {
				a := answer{}
				for at := 0; at < len(test.text); at += size {
					end := min(at+size, len(test.text))
					done, err := a.read([]byte(test.text[at:end]))
					if err != nil || done != (end == len(test.text)) {
						t.Fatalf("in pieces of %d bytes, after %d: done is %t, %v", size, end, done, err)
					}
				}
				if a.last != test.last {
					t.Errorf("last is %t", a.last)
				}
			}
		})
	}
}

func TestAWrongAnswerIsAnError(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n01",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n0",
	} {
		if done, err := new(answer).read([]byte(text)); err == nil {
			t.Errorf("%q is taken, done %t", text, done)
		}
	}
}
