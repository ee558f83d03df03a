package role

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"syscall"

	"headroom.dev/headroom/link"
)

// Upgraded is how an upgrade went well.
type Upgraded struct {
	PID     int      `json:"pid"`     // of the process that took over
	Version string   `json:"version"` // of its program
	Roles   []string `json:"roles"`   // that it has
}

// Upgrade is an order to hand over to a new process.
type Upgrade struct {
	// Answer tells whoever ordered how it went; it is called once.
	Answer func(Upgraded, error)
}

// Upgrades gives the orders for an upgrade that come over the sockets of the roles.
func (n *Node) Upgrades() <-chan Upgrade { return n.upgrades }

// Roles names the roles of this process.
func (n *Node) Roles() []string { return n.roles.names() }

// upgrade takes an order to upgrade. The answer comes when the sockets of the roles are already the successor's, so the connection is
// taken from the server, which would wait for it.
func (n *Node) upgrade(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<10))
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		link.Answer(w, nil, err)
		return
	}
	order := Upgrade{Answer: func(result Upgraded, err error) {
		defer conn.Close()
		_ = upgradeAnswer(result, err).Write(conn) // a failure means that whoever asked has gone
	}}
	select {
	case n.upgrades <- order:
	default:
		order.Answer(Upgraded{}, ErrBusy)
	}
}

func upgradeAnswer(result Upgraded, err error) *http.Response {
	var body bytes.Buffer
	answer := &http.Response{StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Close: true, Header: http.Header{}}
	if err != nil {
		answer.StatusCode = http.StatusUnprocessableEntity
		_ = json.NewEncoder(&body).Encode(link.Refusal{Message: err.Error()})
	} else {
		_ = json.NewEncoder(&body).Encode(result)
	}
	answer.ContentLength, answer.Body = int64(body.Len()), io.NopCloser(&body)
	return answer
}

// ErrBusy says that this is not the time for an upgrade.
var ErrBusy = errors.New("headroom is starting, stopping or being upgraded already")

// ErrNotRunning says that no process has the role.
var ErrNotRunning = errors.New("it does not run")

// OrderUpgrade has the process with a role upgrade itself, and waits for how it went.
func OrderUpgrade(ctx context.Context, stateDir, role string) (Upgraded, error) {
	var result Upgraded
	err := link.Call(ctx, link.Client(link.SocketFile(stateDir, role)), "/upgrade", struct{}{}, &result)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return result, ErrNotRunning
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return result, errors.New("headroom ended during the upgrade; see its log")
	}
	return result, err
}

// RoleNames are the names of all roles, in the order in which they are upgraded: the traffic last.
func RoleNames() []string { return All.names() }
