package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
)

// LogLines is the end of a replica's output.
type LogLines struct {
	Service string   `json:"service"`
	Replica string   `json:"replica"`
	Lines   []string `json:"lines" nullable:"false" doc:"oldest first"`
}

// StopAnswer says that headroom is stopping.
type StopAnswer struct {
	Stopping bool `json:"stopping" doc:"false in a dry run"`
}

func (s *server) registerOperate(api huma.API) {
	register(s, api, operation{
		method: http.MethodGet, path: "/api/services/{service}/replicas/{replica}/logs", id: "get-replica-logs", tag: tagOperate,
		summary:     "End of a replica's output",
		description: "Standard output and standard error, oldest line first. Replicas that have exited keep theirs for a while.",
		response:    LogLines{Service: "shop", Replica: "shop-3", Lines: []string{"listening on 127.0.0.1:20003"}},
		problems:    []string{"unknown-name", "unavailable"},
	}, s.logs)
	register(s, api, operation{
		method: http.MethodPost, path: "/api/stop", id: "stop", tag: tagOperate, status: http.StatusAccepted,
		summary:     "Stop headroom and every replica",
		description: "Replicas finish their requests first. A SIGTERM to headroom leaves the replicas running instead.",
		response:    StopAnswer{Stopping: true},
	}, s.stop)
}

func (s *server) logs(ctx context.Context, in *struct {
	Service string `path:"service" maxLength:"253" doc:"name of the service" example:"shop"`
	Replica string `path:"replica" maxLength:"253" doc:"name of the replica" example:"shop-3"`
	Lines   int    `query:"lines" default:"100" minimum:"1" maximum:"10000" doc:"at most so many, the last ones"`
}) (*body[LogLines], error) {
	lines, err := s.control.Logs(ctx, in.Service, in.Replica, in.Lines)
	return &body[LogLines]{LogLines{in.Service, in.Replica, list(lines)}}, err
}

func (s *server) stop(ctx context.Context, _ *ChangeInput) (*body[StopAnswer], error) {
	answer := StopAnswer{Stopping: !exchangeOf(ctx).dryRun}
	_, err := mutate(ctx, s, mutation[struct{}]{
		object: "headroom", status: http.StatusAccepted,
		answer: func(struct{}) any { return answer },
		run:    func(change headroom.Change) (struct{}, error) { return struct{}{}, s.control.Stop(ctx, change) },
	})
	return &body[StopAnswer]{answer}, err
}
