package balancing

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// patiently bounds what takes milliseconds, unless the machine is busy.
const patiently = 20 * time.Second

// service is a service with fixed backends: no health checks and no breaker, for what is tested is what becomes of one request, and no
// limit for one address, for all clients have the same.
const service = `  NAME:
    backends: [BACKENDS]
    loadBalancing:
      listen: LISTEN
      healthCheck: {enabled: false}
      circuitBreaker: {enabled: false}
      timeouts: {header: HEADER, response: 5s}
      limits: {connectionsPerClient: 100000}
`

// headerTime is timeouts.header of these services. Rows wait for it where a request never gets whole.
const headerTime = time.Second

// balancer is a running headroom with one service on each listener.
type balancer struct {
	*system.System
	process *system.Process
	listens []string
}

// balance starts headroom with a service for each list of backends and waits until each of them is served. change may alter the
// configuration and the system before it starts.
func balance(t testing.TB, services [][]string, change ...func(*system.System, string) string) *balancer {
	t.Helper()
	s := system.New(t, "")
	b := &balancer{System: s}
	var first, last int
	if _, err := fmt.Sscanf(s.Ports, "%d-%d", &first, &last); err != nil {
		t.Fatal(err)
	}
	var config strings.Builder
	config.WriteString("api: {listen: API}\nservices:\n")
	for i, backends := range services {
		listen := fmt.Sprintf("127.0.0.1:%d", first+i)
		b.listens = append(b.listens, listen)
		var list []string
		for _, address := range backends {
			list = append(list, "{address: '"+address+"'}")
		}
		config.WriteString(strings.NewReplacer("NAME", fmt.Sprintf("s%d", i), "BACKENDS", strings.Join(list, ", "),
			"LISTEN", listen, "HEADER", headerTime.String()).Replace(service))
	}
	text := config.String()
	for _, c := range change {
		text = c(s, text)
	}
	s.Configure(text)
	b.process = s.Run()
	for _, listen := range b.listens {
		s.Eventually(patiently, listen+" serves", func() error { return serves(listen) })
	}
	return b
}

// serves asks for a page that every origin here has.
func serves(address string) error {
	c, err := dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	response, err := c.response("GET")
	if err != nil {
		return err
	}
	if response.status == 503 || response.status == 502 {
		return fmt.Errorf("%s", response.body)
	}
	return nil
}

// dial opens a client's connection, on which all must be over in time.
func dial(address string) (*client, error) {
	conn, err := net.DialTimeout("tcp", address, patiently)
	if err != nil {
		return nil, err
	}
	return newClient(conn), nil
}
