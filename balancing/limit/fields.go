package limit

import (
	"strconv"
	"time"
)

// Policy is one limit as it is told to clients.
type Policy struct {
	Name     string // letters, digits and dashes
	Requests int64
	Period   time.Duration
	Burst    int64
}

// AppendPolicies appends RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11, section 3): "NAME";q=QUOTA;w=SECONDS for each limit. Where
// period and burst differ from what a window can say, the quota is that of the period, and at least a second long.
func AppendPolicies(dst []byte, policies []Policy) []byte {
	dst = append(dst, "RateLimit-Policy: "...)
	for i, p := range policies {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		quota, window := p.Requests, p.Period
		if window < time.Second { // w is a whole number of seconds
			quota, window = int64(float64(quota)*float64(time.Second)/float64(window)), time.Second
		}
		dst = appendName(dst, p.Name)
		dst = append(dst, ";q="...)
		dst = strconv.AppendInt(dst, quota, 10)
		dst = append(dst, ";w="...)
		dst = strconv.AppendInt(dst, seconds(window), 10)
	}
	return append(dst, "\r\n"...)
}

// AppendStanding appends RateLimit (section 4): how many requests remain, and in how many seconds all are there again.
func AppendStanding(dst []byte, name string, v Verdict) []byte {
	dst = append(dst, "RateLimit: "...)
	dst = appendName(dst, name)
	dst = append(dst, ";r="...)
	dst = strconv.AppendInt(dst, v.Remaining, 10)
	dst = append(dst, ";t="...)
	dst = strconv.AppendInt(dst, seconds(v.Reset), 10)
	return append(dst, "\r\n"...)
}

// AppendRetry appends Retry-After (RFC 9110 section 10.2.3) for a refused request that would pass later.
func AppendRetry(dst []byte, retry time.Duration) []byte {
	dst = append(dst, "Retry-After: "...)
	dst = strconv.AppendInt(dst, max(1, seconds(retry)), 10)
	return append(dst, "\r\n"...)
}

// appendName appends a string of structured fields (RFC 9651 section 3.3.3); a name holds nothing to escape.
func appendName(dst []byte, name string) []byte {
	dst = append(dst, '"')
	dst = append(dst, name...)
	return append(dst, '"')
}

// seconds rounds up, so that who waits for so long does not come too early.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
