//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api/client"
	"headroom.dev/headroom/test/bench/program"
)

// system is one headroom: a directory with a config file, and the process that runs on it.
type system struct {
	b            *bench
	dir          string
	traffic, api string // addresses
	client       *client.Client
	process      *program.Program
}

// newSystem writes a config file, in which TRAFFIC, API and SHOP stand for the addresses and the path of the sample service.
func (b *bench) newSystem(config string) (*system, error) {
	b.systems++
	s := &system{b: b, dir: filepath.Join(b.dir, fmt.Sprintf("system-%d", b.systems))}
	var err error
	if s.traffic, err = program.FreeAddress(); err != nil {
		return nil, err
	}
	if s.api, err = program.FreeAddress(); err != nil {
		return nil, err
	}
	if s.client, err = client.New(s.api, ""); err != nil {
		return nil, err
	}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return nil, err
	}
	text := strings.NewReplacer("TRAFFIC", s.traffic, "API", s.api, "SHOP", b.shop).Replace(config)
	return s, os.WriteFile(s.config(), []byte(text), 0o600)
}

func (s *system) config() string { return filepath.Join(s.dir, "headroom.yaml") }

// run starts headroom run.
func (s *system) run() error {
	var err error
	s.process, err = program.Start("", s.b.headroom, "run", "--quiet", "-c", s.config())
	return err
}

// stop ends headroom and its replicas.
func (s *system) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	defer s.client.Close()
	if err := s.client.Stop(ctx, false); err != nil {
		s.process.Kill()
		return fmt.Errorf("stop headroom: %w\n%s", err, s.process.Errors())
	}
	select {
	case <-s.process.Done():
		return nil
	case <-ctx.Done():
		s.process.Kill()
		return errors.New("headroom has not stopped within 30s")
	}
}

// status is that of the one service, shop.
func (s *system) status(ctx context.Context) (headroom.ServiceStatus, error) {
	services, err := s.client.Status(ctx, "shop")
	if err != nil {
		return headroom.ServiceStatus{}, err
	}
	if len(services) != 1 {
		return headroom.ServiceStatus{}, fmt.Errorf("%d services", len(services))
	}
	return services[0], nil
}

// awaitReplicas waits until n replicas are ready, and returns them.
func (s *system) awaitReplicas(ctx context.Context, n int) ([]headroom.Replica, error) {
	var status headroom.ServiceStatus
	err := s.await(ctx, fmt.Sprintf("%d ready replicas", n), 10*time.Millisecond, func() error {
		var err error
		if status, err = s.status(ctx); err != nil {
			return err
		}
		if status.ReadyReplicas == nil || *status.ReadyReplicas != n || len(status.Replicas) != n {
			return fmt.Errorf("there are %d of %d", len(status.Replicas), n)
		}
		return nil
	})
	return status.Replicas, err
}

// awaitAnswer waits until the balancer answers a request with 200.
func (s *system) awaitAnswer(ctx context.Context) error {
	transport := &http.Transport{DisableKeepAlives: true}
	asker := &http.Client{Transport: transport, Timeout: time.Second}
	return s.await(ctx, "an answer through the balancer", time.Millisecond, func() error {
		response, err := asker.Get("http://" + s.traffic + "/")
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	})
}

// awaitLimit bounds each wait: what takes longer is broken and not slow.
const awaitLimit = time.Minute

func (s *system) await(ctx context.Context, what string, every time.Duration, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, awaitLimit)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-s.process.Done():
			return fmt.Errorf("headroom ended while waiting for %s: %s", what, s.process.Errors())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, err)
		case <-time.After(every):
		}
	}
}
