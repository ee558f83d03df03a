package proxy

import (
	"errors"

	"headroom.dev/headroom/balancing/h2"
)

// errExpired says that a backend has ended a gRPC call because the time that its client gave it is up.
var errExpired = errors.New("the backend has canceled the gRPC call, whose deadline has passed")

// expires reports whether an error says so, and remembers it for the client. gRPC's servers reset a call with CANCEL when its deadline passes,
// perhaps an instant before its client does the same. That is no failure of the backend, and the client must see the same reset: of any
// other answer it would make a status on which calls are tried again.
func (x *exchange) expires(err error) bool {
	var reset *h2.StreamError
	if x.client.inOrder() || !errors.As(err, &reset) || reset.Local || reset.Code != h2.Cancel {
		return false
	}
	x.expired = x.isGRPC()
	return x.expired
}
