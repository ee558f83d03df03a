package headroom

// AccessLog writes one line of JSON for each request. Requests never wait for it: where the disk is too slow lines are dropped, and counted.
type AccessLog struct {
	Path   string  `json:"path,omitempty" doc:"file that gets a line of JSON for each request, or stdout; not set is no access log; SIGUSR1 opens the file anew, for logrotate" example:"/var/log/headroom/access.log"`
	Sample float64 `json:"sample" default:"1" minimum:"0" maximum:"1" doc:"share of the requests that is logged; those that failed always are" example:"0.01"`
}
