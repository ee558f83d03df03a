package role

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/link"
)

// A handover goes so: the new process reserves its addresses (prepare) and says that it is prepared; the old one gives up locks and state,
// while its balancer goes on (Release); the new one takes them, and the traffic (start), and says that it serves; the old one drains
// (Drain). Where the new one fails before that, the old one takes all back (Regain).

// prepare reserves every address, says so to the predecessor and waits until it has given up its state. One that dies has given it up
// as well, and its connections wait in the sockets that we have.
func (n *Node) prepare(options Options) error {
	if options.Handover == nil {
		return nil
	}
	if err := options.Sockets.Reserve(addresses(options)); err != nil {
		return err
	}
	if err := options.Handover.Send(link.Message{Step: link.Prepared, Version: options.Version, StateDir: options.Config.State.Dir}); err != nil {
		return fmt.Errorf("take over from another headroom: %w", err)
	}
	<-options.Handover.Messages
	return nil
}

// addresses lists where the roles listen, each once.
func addresses(options Options) []string {
	var all []string
	seen := map[string]bool{}
	add := func(address string) {
		if !seen[address] {
			all, seen[address] = append(all, address), true
		}
	}
	if options.Roles.Balancer {
		for _, service := range options.Config.Services {
			if service.LoadBalancing.Listens() {
				add(service.LoadBalancing.Listen)
			}
		}
	}
	if options.Roles.Scaler {
		add(options.Config.API.Listen)
	}
	return all
}

// tookOver tells the predecessor that it can drain, and follows what it still serves.
func (n *Node) tookOver(options Options) {
	for _, address := range options.Sockets.Close() {
		n.log.Warn("a socket that was handed to this process is closed: no listen address of the config file names it", "address", address)
	}
	if options.Handover == nil {
		return
	}
	_ = options.Handover.Send(link.Message{Step: link.Serving}) // it may have died since
	n.Announce(headroom.Event{Type: "upgraded", Level: headroom.LevelInfo, Message: fmt.Sprintf(
		"Headroom %s has taken over from the process that ran before, which drains.", options.Version)})
}

// told hands the backends that the scaler wants to the balancer, here and in a predecessor that drains.
func (n *Node) told(endpoints headroom.Endpoints) {
	n.balancer.Told(endpoints)
	n.predecessor.told(endpoints)
}

// Listeners are the sockets on which the roles take connections.
func (n *Node) Listeners() []net.Listener {
	var all []net.Listener
	if n.balancer != nil {
		for _, listener := range n.balancer.server.Listeners() {
			all = append(all, listener)
		}
	}
	if n.scaler != nil {
		all = append(all, n.scaler.listener)
	}
	return all
}

// StateDir is the state directory, which does not change while the process lives.
func (n *Node) StateDir() string { return n.stateDir }

// Release gives up all but the traffic, for a successor to take: the loop ends, the state is closed and the locks are free. Control is
// nil afterwards.
func (n *Node) Release() error { return n.releaseState() }

// Regain takes back what Release gave up, with the configuration in force and the sockets that were handed over.
func (n *Node) Regain(config headroom.Config, sockets *link.Sockets) error {
	options := n.options
	config.State, config.API = options.Config.State, options.Config.API // changes of these wait for a restart
	options.Config, options.Sockets, options.Handover = config, sockets, nil
	defer sockets.Close()
	if err := n.start(options); err != nil {
		return errors.Join(err, n.release())
	}
	return nil
}

// Follow takes the backends of which the successor says that they are wanted now.
func (n *Node) Follow(endpoints headroom.Endpoints) {
	if n.balancer == nil {
		return
	}
	if err := n.balancer.follow(endpoints); err != nil {
		n.log.Warn("cannot apply the backends that the successor named", "error", err)
	}
}

// Drain takes no more connections and waits until those there are have ended, at most until ctx ends; those left are cut off then. The
// successor is told what they still do. A process that this one took over from, and that still drains, is waited for as well.
func (n *Node) Drain(ctx context.Context, successor *link.Handover) error {
	if n.balancer == nil {
		return nil
	}
	measurements, cancel := n.balancer.Measurements.Subscribe()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for m := range measurements {
			_ = successor.Send(link.Message{Measurement: &m}) // a failure means that it has ended, which ends ctx
		}
	}()
	err := n.balancer.drain(ctx)
	n.predecessor.wait(ctx)
	n.stopping()
	n.serving.Wait()
	// What the last part of a second came to.
	n.balancer.Measurements.Publish(n.balancer.predecessor.join(n.balancer.server.Measure(time.Now())))
	cancel()
	<-sent
	return err
}

// drain lets the connections end.
func (b *Balancer) drain(ctx context.Context) error {
	b.keeper.Close() // renewing certificates is the successor's now
	err := b.server.Drain(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drained = true
	return err
}

// follow takes the backends of a successor, which keeps them in the file.
func (b *Balancer) follow(endpoints headroom.Endpoints) error {
	b.predecessor.told(endpoints)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endpoints, b.told = endpoints, true
	if b.drained {
		return nil
	}
	return b.apply(b.config, endpoints, true)
}
