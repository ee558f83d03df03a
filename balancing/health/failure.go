package health

import "net/http"

// Failed says what counts as a failure for a Breaker: an attempt without an answer (err: no connection, a timeout, a
// reset, an answer that is not HTTP) and the statuses 500, 502, 503 and 504, with which a backend says that it is broken
// or that what it needs is. Any other status is an answer of a backend that works: 501 and 505 speak of the request, and
// 4xx are the client's. A client that goes away is no result at all; see Breaker.Release.
func Failed(status int, err error) bool {
	if err != nil {
		return true
	}
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
