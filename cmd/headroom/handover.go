package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/link"
	"headroom.dev/headroom/role"
)

// stepLimit bounds each of the two steps of a successor: reading the config file, and opening the state. It is long, as the traffic is
// served meanwhile.
const stepLimit = 30 * time.Second

// programPath is the path of the program as it was started, which leads to a new one after an upgrade also where it is a symbolic link.
func programPath() (string, error) {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		return os.Executable()
	}
	return filepath.Abs(path)
}

// upgrading is an upgrade of which the successor has been started.
type upgrading struct {
	order     role.Upgrade
	successor *link.Successor
	version   string
	prepared  chan error // gets one
}

// beginUpgrade starts the successor, which prepares while we go on. It is nil where it could not be started.
func (d *duty) beginUpgrade(order role.Upgrade) *upgrading {
	successor, err := d.startSuccessor()
	if err != nil {
		d.upgradeFailed(order, err)
		return nil
	}
	d.logger.Info("upgrading", "program", d.program, "pid", successor.PID())
	u := &upgrading{order: order, successor: successor, prepared: make(chan error, 1)}
	go func() {
		message, err := d.await(successor, link.Prepared)
		if err == nil && message.StateDir != d.node.StateDir() {
			err = fmt.Errorf("state.dir is %s now and was %s: stop headroom and start it again, to begin with another state",
				message.StateDir, d.node.StateDir())
		}
		u.version = message.Version
		u.prepared <- err
	}()
	return u
}

func (d *duty) startSuccessor() (*link.Successor, error) {
	keeper, err := d.keeperFile()
	if err != nil {
		return nil, err
	}
	return link.StartSuccessor(link.SuccessorOptions{
		Path: d.program, Args: os.Args, Environment: d.app.environment, Listeners: d.node.Listeners(), Keeper: keeper,
	})
}

// await waits until the successor has taken a step.
func (d *duty) await(successor *link.Successor, step link.Step) (link.Message, error) {
	limit := time.NewTimer(stepLimit)
	defer limit.Stop()
	ended := successor.Ended
	for {
		select {
		case message, open := <-successor.Messages:
			switch {
			case !open:
				successor.Signal(os.Kill) // what does not speak to us cannot take over
				return link.Message{}, fmt.Errorf("the new process did not take over: %w", successor.Why())
			case message.Failure != "":
				return message, errors.New(message.Failure)
			case message.Endpoints != nil:
				d.node.Follow(*message.Endpoints)
			case message.Step == step:
				return message, nil
			}
		case <-ended:
			// What it said last is still on its way; something that it started might keep the connection open.
			ended = nil
			limit.Reset(time.Second)
		case <-limit.C:
			return link.Message{}, fmt.Errorf("the new process was not %s within %v", step, stepLimit)
		}
	}
}

// cancel ends a successor that has not taken over.
func (u *upgrading) cancel() {
	sockets, _ := u.successor.Kill() // we have them all
	sockets.Close()
}

// upgradeFailed tells whoever ordered the upgrade, and everybody else, why there is none.
func (d *duty) upgradeFailed(order role.Upgrade, err error) {
	d.logger.Error("the upgrade failed; this process goes on", "error", err)
	d.node.Announce(headroom.Event{Type: "upgrade-failed", Level: headroom.LevelError,
		Message: "The upgrade failed and the old program goes on: " + err.Error()})
	order.Answer(role.Upgraded{}, err)
}

// handOver gives everything but the traffic to the prepared successor and waits until it serves. Where it does not, all is taken back;
// lost is then whether that failed too.
func (d *duty) handOver(u *upgrading) (err, lost error) {
	if err := d.node.Release(); err != nil {
		d.logger.Warn("the state was not closed well", "error", err)
	}
	left := children(u.successor.PID())
	err = u.successor.Send(link.Message{Step: link.Released})
	if err == nil {
		_, err = d.await(u.successor, link.Serving)
	}
	if err == nil {
		u.successor.TookOver()
		return nil, nil
	}
	sockets, killed := u.successor.Kill()
	if err := errors.Join(killed, d.node.Regain(d.reload.current.Config, sockets)); err != nil {
		return err, fmt.Errorf("take the state back after a failed upgrade: %w", err)
	}
	// The replicas of before were adopted as those of a stranger would be: nobody else waits for them.
	go reap(context.Background(), func(pid int) bool { _, was := left[pid]; return was }, func(int, syscall.WaitStatus) {})
	return err, nil
}

// depart lets the connections end that this process has, now that another one serves.
func (d *duty) depart(u *upgrading) error {
	d.manager.succeeded(u.successor.PID())
	if !d.keeps() {
		// It says so itself as well, but serves a moment before, and may be killed in that moment.
		fmt.Fprintln(d.inherited.Keeper, u.successor.PID())
	}
	d.logger.Info("another process has taken over; the connections of this one may end", "pid", u.successor.PID(), "limit", d.drainLimit)
	if d.story {
		d.tell().say("Process %d (headroom %s) has taken over. The connections of this one may last for %s more.",
			u.successor.PID(), u.version, headroom.ShortDuration(d.drainLimit))
	}
	reaping, stopReaping := context.WithCancel(context.Background())
	defer stopReaping()
	k := newKeeper(u.successor)
	go reap(reaping, func(pid int) bool { return pid != u.successor.PID() }, k.ended)
	if d.keeps() {
		k.adopt(d.logger)
		d.inherited.Keeper.Close() // ours, so that the pipe ends with the successors
		go k.follow(d.successors)
	}
	u.order.Answer(role.Upgraded{PID: u.successor.PID(), Version: u.version, Roles: d.node.Roles()}, nil)
	err := d.drain(u.successor, k)
	if err != nil {
		d.logger.Warn("connections were cut off", "error", err)
	}
	if !d.keeps() {
		u.successor.Close()
		return nil
	}
	return d.keep(k)
}

// drain waits until the connections have ended.
func (d *duty) drain(successor *link.Successor, k *keeper) error {
	ctx, cancel := context.WithTimeout(context.Background(), d.drainLimit)
	defer cancel()
	hurry := func() { time.AfterFunc(role.Linger, cancel) }
	drained := make(chan error, 1)
	go func() { drained <- d.node.Drain(ctx, successor.Handover) }()
	messages := successor.Messages
	for {
		select {
		case err := <-drained:
			return err
		case message, open := <-messages:
			if !open { // it stops, and so do we
				messages = nil
				hurry()
			} else if message.Endpoints != nil {
				d.node.Follow(*message.Endpoints)
			}
		case s := <-d.signals:
			if s == syscall.SIGUSR1 {
				d.reopenLog() // requests on old connections are logged too
			}
			if d.keeps() {
				k.pass(s)
			} else if s == os.Interrupt || s == syscall.SIGTERM {
				hurry()
			}
		}
	}
}
