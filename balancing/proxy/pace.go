package proxy

import (
	"os"
	"time"
)

// rateGrace is how long a body may be slower than limits.bodyRate: Apache's mod_reqtimeout gives 20 s, and most bodies are whole within 10 s.
const rateGrace = 10 * time.Second

// pace holds a request's body to a least rate, so that a client cannot keep a connection and a backend busy with a byte a minute. Only the time
// spent waiting for the client counts: a backend that takes the body slowly is not the client's fault.
type pace struct {
	waited time.Duration
	bytes  int64
}

// wait is how long the next part may take: no longer than the idle timeout, nor than the least rate allows. The error is
// os.ErrDeadlineExceeded if there is no time left.
func (p *pace) wait(r *routes) (time.Duration, error) {
	if r.bodyRate <= 0 {
		return r.idle, nil
	}
	allowed := rateGrace + time.Duration(float64(p.bytes)/float64(r.bodyRate)*float64(time.Second))
	left := allowed - p.waited
	if left <= 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return min(left, r.idle), nil
}

// took notes that n bytes have come after a wait.
func (p *pace) took(waited time.Duration, n int) {
	p.waited += waited
	p.bytes += int64(n)
}
