package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"headroom.dev/headroom"
)

// cluster is a platform whose replicas are ready as soon as they are ordered: of the platform the loop should see the least, so that the time
// measured is its own.
type cluster struct {
	mu       sync.Mutex // guards all below
	services map[string][]headroom.Replica
	used     map[string]float64 // processor seconds of each replica so far, by service
}

func newCluster() *cluster {
	return &cluster{services: map[string][]headroom.Replica{}, used: map[string]float64{}}
}

func (c *cluster) Capabilities() headroom.Capabilities {
	return headroom.Capabilities{NamesReplicas: true, NamesVictims: true}
}

func (c *cluster) Inventory(_ context.Context, service string) (headroom.Inventory, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := len(c.services[service])
	return headroom.Inventory{Service: service, At: time.Now(), Count: &count, Complete: true,
		Replicas: append([]headroom.Replica(nil), c.services[service]...)}, nil
}

func (c *cluster) Grow(_ context.Context, order headroom.Growth) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for _, name := range order.Names {
		c.services[order.Service] = append(c.services[order.Service], headroom.Replica{Name: name, Service: order.Service,
			State: headroom.ReplicaReady, Address: fmt.Sprintf("10.0.0.1:%d", 1000+len(c.services[order.Service])),
			Revision: order.Workload.Revision, CreatedAt: now, ReadyAt: now})
	}
	return nil
}

func (c *cluster) Shrink(_ context.Context, order headroom.Removal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []headroom.Replica
	for _, replica := range c.services[order.Service] {
		if replica.Name != order.Names[0] {
			left = append(left, replica)
		}
	}
	c.services[order.Service] = left
	return nil
}

// Usage has each replica use half a core and 100 MB.
func (c *cluster) Usage(_ context.Context, service string) ([]headroom.ReplicaUsage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, usage := time.Now(), make([]headroom.ReplicaUsage, 0, len(c.services[service]))
	c.used[service] += 0.5
	for _, replica := range c.services[service] {
		seconds, memory := c.used[service], headroom.Bytes(100<<20)
		usage = append(usage, headroom.ReplicaUsage{Service: service, Replica: replica.Name, At: now, StartedAt: replica.CreatedAt,
			CPUSeconds: &seconds, Memory: &memory, CPULimit: 1000, MemLimit: 256 << 20})
	}
	return usage, nil
}

func (c *cluster) Logs(context.Context, string, string, int) ([]string, error) { return nil, nil }

func (c *cluster) Changes() <-chan string { return nil }

func (c *cluster) Close() error { return nil }
