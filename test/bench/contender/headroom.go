//go:build linux

package contender

import "syscall"

// Headroom is the binary at a path in a role: "balancer", the data plane alone, or "run", which also records, decides and
// serves its API.
func Headroom(path, role string) Proxy {
	return Proxy{Name: "headroom", Start: func(setup Setup) (*Contender, error) {
		f, err := newFiles(setup)
		if err != nil {
			return nil, err
		}
		config, err := f.write("headroom.yaml", headroomConfig)
		if err != nil {
			return nil, err
		}
		args := []string{role, "-c", config}
		if role == "run" {
			args = append(args, "--quiet")
		}
		c, err := f.start(path, args...)
		if err != nil {
			return nil, err
		}
		if role == "run" {
			c.Allocations = metricReader("http://" + f.Admin + "/metrics")
		}
		if setup.Reloads {
			c.Reload = func(round int) error {
				if err := f.change(round, "headroom.yaml", headroomConfig); err != nil {
					return err
				}
				return c.Program.Signal(syscall.SIGHUP)
			}
		}
		return c, nil
	}}
}

// The limits for each client are widened, since all load comes from one address.
const headroomConfig = `api: {listen: {{.Admin}}}
services:
  bench:
    backends:
{{- range .Backends}}
      - {address: "{{.}}"}
{{- end}}
    loadBalancing:
      listen: {{.Address}}
{{- if .Algorithm}}
      algorithm: {{.Algorithm}}
{{- end}}
      timeouts: {response: {{.Timeout}}s}
      limits: {connectionsPerClient: 20000{{if ne .Kind "tcp"}}, requestsPerConnection: 1000000000{{end}}}
{{- if eq .Kind "https"}}
      tls: {certificates: [{certificate: "{{.Certificate}}", key: "{{.Key}}"}], minVersion: "1.3"}
{{- else if eq .Kind "grpc"}}
      backendProtocol: h2
      healthCheck: {type: grpc}
{{- else if eq .Kind "tcp"}}
      protocol: tcp
{{- end}}
`
