package proxy

import "time"

// setDate makes the Date field (RFC 9110 section 5.6.7) of answers from now on. The sampler calls it more often than once a second.
func (s *Server) setDate(now time.Time) {
	if now.Unix() == s.dateOf {
		return
	}
	s.dateOf = now.Unix()
	line := now.UTC().AppendFormat([]byte("Date: "), "Mon, 02 Jan 2006 15:04:05 GMT\r\n")
	s.date.Store(&line)
}
