package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/config"
	"headroom.dev/headroom/link"
	"headroom.dev/headroom/role"
)

// work is what a process that has roles is to do.
type work struct {
	roles      role.Roles
	story      bool          // tell on standard output what happens
	load       bool          // make the traffic that load: of the config file asks for
	drainLimit time.Duration // how long connections may last after an upgrade
}

// duty is the roles of this process at work, and what steers them.
type duty struct {
	work
	app        *app
	loader     config.Loader
	node       *role.Node
	logger     *slog.Logger
	signals    <-chan os.Signal
	reload     *reload
	program    string // path of what an upgrade starts
	inherited  link.Inheritance
	successors *os.File // process ids of all successors, where this process keeps
	manager    serviceManager
}

// work runs the roles until a signal, an order or a successor ends them.
func (a *app) work(ctx context.Context, w work) error {
	// From here on signals mean more than "give up", so the context that they end is left behind.
	ctx = context.WithoutCancel(ctx)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)

	d := &duty{work: w, app: a, signals: signals, manager: a.findServiceManager()}
	var err error
	if d.program, err = programPath(); err != nil {
		return err
	}
	if d.inherited, err = link.Inherited(); err != nil {
		return err
	}
	a.environment = link.Environment(a.environment)
	started := a.now()
	if err := d.start(); err != nil {
		if d.inherited.Handover != nil {
			_ = d.inherited.Handover.Send(link.Message{Failure: errorMessage(err)})
		}
		return err
	}
	d.manager.ready()
	if d.inherited.Keeper != nil {
		fmt.Fprintln(d.inherited.Keeper, os.Getpid())
	}
	return d.attend(ctx, started)
}

// start brings the roles up.
func (d *duty) start() error {
	a := d.app
	var err error
	if d.loader, err = a.loader(); err != nil {
		return err
	}
	loaded, err := d.loader.Load()
	if err != nil {
		return err
	}
	if len(loaded.Config.Services) == 0 {
		return &hintedError{fmt.Errorf("%s has no services: there is nothing to run", strings.Join(d.loader.Paths, ", ")),
			"add one: services: {shop: {run: './shop --port {{port}}'}}"}
	}
	d.logger = a.logger(a.besideStory(d.work, loaded.Config.Log))
	for _, warning := range loaded.Warnings {
		d.logger.Warn(warning)
	}
	d.node, err = role.Start(role.Options{Config: loaded.Config, Roles: d.roles, Logger: d.logger, Version: a.version,
		Sockets: d.inherited.Sockets, Handover: d.inherited.Handover})
	d.reload = &reload{node: d.node, current: loaded}
	return err
}

// attend lets the roles work until a signal or an order ends them, or a successor has taken over.
func (d *duty) attend(ctx context.Context, started time.Time) error {
	loadContext, endLoad := context.WithCancel(ctx)
	var load sync.WaitGroup
	defer func() { endLoad(); load.Wait() }()
	if settings := d.reload.current.Config; d.load && settings.Load != nil {
		load.Go(func() { d.tell().makeLoad(loadContext, settings) })
	}
	if d.story {
		d.tell().began(d.reload.current.Config, d.app.now().Sub(started))
	}
	for {
		upgrade, err := d.live(ctx, started, endLoad)
		if upgrade == nil {
			return err
		}
		failed, lost := d.handOver(upgrade)
		if lost != nil {
			upgrade.order.Answer(role.Upgraded{}, lost)
			return lost
		}
		if failed == nil {
			endLoad() // the successor makes its own
			return d.depart(upgrade)
		}
		started = d.app.now()
		d.upgradeFailed(upgrade.order, failed)
	}
}

func (d *duty) tell() *story {
	return &story{out: d.app.out, style: d.app.style(), control: d.node.Control(), now: d.app.now}
}

// live does what signals and changes of the config file ask for, until the roles have ended or a successor is prepared.
func (d *duty) live(ctx context.Context, since time.Time, endLoad func()) (*upgrading, error) {
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	defer func() { cancel(); tasks.Wait() }()
	told := d.tell()
	if d.story {
		tasks.Go(func() { told.tell(ctx, since) })
	}
	watcher, err := config.Watch(ctx, d.loader, d.reload.current, d.logger, d.reload.deliver)
	if err != nil {
		d.logger.Warn("changes of the config file are not noticed: send SIGHUP after a change", "error", err)
	} else {
		defer watcher.Close()
	}

	var upgrade *upgrading
	var prepared <-chan error // nil where there is no upgrade
	begin := func(order role.Upgrade) {
		if upgrade != nil {
			order.Answer(role.Upgraded{}, role.ErrBusy)
		} else if upgrade = d.beginUpgrade(order); upgrade != nil {
			prepared = upgrade.prepared
		}
	}
	end := func(replicas bool) error {
		if upgrade != nil {
			upgrade.cancel()
			upgrade.order.Answer(role.Upgraded{}, role.ErrBusy)
		}
		endLoad()
		return d.end(told, replicas)
	}
	for {
		select {
		case <-d.node.Ordered():
			return nil, end(true)
		case order := <-d.node.Upgrades():
			begin(order)
		case err := <-prepared:
			if err == nil {
				return upgrade, nil
			}
			upgrade.cancel()
			d.upgradeFailed(upgrade.order, err)
			upgrade, prepared = nil, nil
		case s := <-d.signals:
			switch {
			case s == syscall.SIGUSR2:
				begin(role.Upgrade{Answer: func(role.Upgraded, error) {}}) // the log says how it went
			case s == syscall.SIGUSR1:
				d.reopenLog()
			case s == syscall.SIGHUP && watcher != nil:
				watcher.Reload()
			case s == syscall.SIGHUP:
				d.logger.Warn("cannot reload: the config file is not watched")
			default:
				return nil, end(s == os.Interrupt)
			}
		}
	}
}

// reopenLog opens the access log anew, for programs that rotate logs.
func (d *duty) reopenLog() {
	if err := d.node.ReopenLog(); err != nil {
		d.logger.Error("cannot open the access log anew; writing on to the old one", "error", err)
	}
}

// stopLimit bounds the end: the longest grace period of a replica is the user's, so only a second signal cuts it short.
const stopLimit = 10 * time.Minute

// end stops the roles. A second Ctrl-C gives up waiting.
func (d *duty) end(told *story, replicas bool) error {
	d.manager.stopping()
	began := d.app.now()
	if d.story {
		told.ending(d.roles.Scaler, replicas)
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.node.Stop(ctx, replicas) }()
	for {
		select {
		case err := <-done:
			if err == nil && d.story {
				told.ended(d.roles.Scaler, replicas, d.app.now().Sub(began))
			}
			return err
		case s := <-d.signals:
			if s == os.Interrupt {
				return fmt.Errorf("gave up waiting for a clean end after a second Ctrl-C: replicas may still be running; headroom stop ends them")
			}
		}
	}
}

// reload applies what the watcher of the config file delivers.
type reload struct {
	node    *role.Node
	current *config.Loaded
	// refused is a valid configuration that could not be applied, such as for a port in use; nil where there is none. The
	// watcher takes it for the one in force, and says that nothing changed when the file is read again.
	refused *config.Event
}

func (r *reload) deliver(event config.Event) {
	switch {
	case event.Err != nil:
		r.node.Announce(headroom.Event{Type: "config-refused", Level: headroom.LevelError,
			Message: "The new config file is refused and the old configuration stays in force: " + event.Err.Error()})
	case event.Loaded != nil:
		r.apply(event)
	case event.Unchanged && r.refused != nil:
		r.apply(*r.refused)
	case event.Unchanged:
		r.node.Announce(headroom.Event{Type: "config-unchanged", Level: headroom.LevelInfo,
			Message: "The config file was read again and says the same as before."})
	}
}

// apply makes a configuration the one in force, or says why not.
func (r *reload) apply(event config.Event) {
	if err := r.node.Apply(event.Loaded.Config, r.current.Config); err != nil {
		r.refused = &event
		r.node.Announce(headroom.Event{Type: "config-refused", Level: headroom.LevelError,
			Message: "The new configuration cannot be applied and the old one stays in force: " + err.Error() + ". Send SIGHUP to try again."})
		return
	}
	r.current, r.refused = event.Loaded, nil
	message := "The new configuration is in force."
	if len(event.Restart) > 0 {
		message = "The new configuration is in force, except for what " + strings.Join(event.Restart, "; ") + "."
	}
	r.node.Announce(headroom.Event{Type: "config-reloaded", Level: headroom.LevelInfo, Message: message})
}

// besideStory leaves info out of a log that shares a terminal with the story, which says the same in sentences.
func (a *app) besideStory(w work, settings headroom.Log) headroom.Log {
	if w.story && settings.Level == "info" && a.isTerminal(a.out) && a.isTerminal(a.errOut) {
		settings.Level = "warn"
	}
	return settings
}

// logger writes to standard error, as people read it on a terminal and as JSON elsewhere.
func (a *app) logger(settings headroom.Log) *slog.Logger {
	level := slog.LevelInfo
	if err := level.UnmarshalText([]byte(settings.Level)); err != nil {
		level = slog.LevelInfo // validated before; this cannot be
	}
	options := &slog.HandlerOptions{Level: level}
	if settings.Format == "json" || (settings.Format == "auto" && !a.isTerminal(a.errOut)) {
		return slog.New(slog.NewJSONHandler(a.errOut, options))
	}
	return slog.New(slog.NewTextHandler(a.errOut, options))
}
