package balancing

import "testing"

// RFC 9110 section 6.6.1: whoever has a clock adds the Date that a response lacks, and gives its own answers one.
func TestEveryResponseHasADate(t *testing.T) {
	s := newSuite(t)
	for _, row := range []answered{
		relayed("a Date is added where there is none", "9110 6.6.1", ok("Content-Length: 0"), "\r\nDate: "),
		{"a Date is added to a response of HTTP/1.0", "9110 6.6.1", "", reply{raw: "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", end: closes}, "200 open",
			[]string{"\r\nDate: "}, false},
		{"our own answers have a Date", "9110 6.6.1", "", reply{raw: "H", end: closes}, "502 open", []string{"\r\nDate: "}, false},
	} {
		t.Run(row.source+" "+row.demand, func(t *testing.T) { s.answer(t, row) })
	}
}
