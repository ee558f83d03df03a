package headroom

import (
	"strconv"
	"strings"
)

// StatusRange is a range of statuses of HTTP, both ends included.
type StatusRange struct{ From, To int }

// ParseStatusRange reads "204" or "200-299".
func ParseStatusRange(text string) (r StatusRange, ok bool) {
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	r.From, ok = parseStatus(from)
	if !ok {
		return r, false
	}
	r.To, ok = parseStatus(to)
	return r, ok && r.From <= r.To
}

func parseStatus(text string) (int, bool) {
	status, err := strconv.Atoi(text)
	return status, err == nil && status >= 100 && status <= 599 && len(text) == 3
}

// Has reports whether a status is in the range.
func (r StatusRange) Has(status int) bool { return status >= r.From && status <= r.To }
