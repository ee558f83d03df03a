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
	"headroom.dev/headroom/role"
)

// work is what a process that has roles is to do.
type work struct {
	roles role.Roles
	story bool // tell on standard output what happens
	load  bool // make the traffic that load: of the config file asks for
}

// work runs the roles until a signal or an order ends them.
func (a *app) work(ctx context.Context, w work) error {
	// From here on signals mean more than "give up", so the context that they end is left behind.
	ctx = context.WithoutCancel(ctx)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	loader, err := a.loader()
	if err != nil {
		return err
	}
	loaded, err := loader.Load()
	if err != nil {
		return err
	}
	if len(loaded.Config.Services) == 0 {
		return &hintedError{fmt.Errorf("%s has no services: there is nothing to run", strings.Join(loader.Paths, ", ")),
			"add one: services: {shop: {run: './shop --port {{port}}'}}"}
	}
	logger := a.logger(a.besideStory(w, loaded.Config.Log))
	for _, warning := range loaded.Warnings {
		logger.Warn(warning)
	}
	started := a.now()
	node, err := role.Start(role.Options{Config: loaded.Config, Roles: w.roles, Logger: logger, Version: a.version})
	if err != nil {
		return err
	}
	return a.attend(ctx, w, loader, loaded, node, logger, signals, started)
}

// attend lets the roles work, and does what signals and changes of the config file ask for.
func (a *app) attend(ctx context.Context, w work, loader config.Loader, loaded *config.Loaded, node *role.Node, logger *slog.Logger,
	signals <-chan os.Signal, started time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	defer func() { cancel(); tasks.Wait() }()

	told := &story{out: a.out, style: a.style(), control: node.Control(), now: a.now}
	if w.story {
		told.began(loaded.Config, a.now().Sub(started))
		tasks.Go(func() { told.tell(ctx, started) })
	}
	reload := &reload{node: node, current: loaded.Config}
	watcher, err := config.Watch(ctx, loader, loaded, logger, reload.deliver)
	if err != nil {
		logger.Warn("changes of the config file are not noticed: send SIGHUP after a change", "error", err)
	} else {
		defer watcher.Close()
	}
	loadContext, endLoad := context.WithCancel(ctx)
	defer endLoad()
	if w.load && loaded.Config.Load != nil {
		tasks.Go(func() { told.makeLoad(loadContext, loaded.Config) })
	}

	for {
		select {
		case <-node.Ordered():
			return a.end(node, told, w, true, signals)
		case s := <-signals:
			switch {
			case s == syscall.SIGHUP && watcher != nil:
				watcher.Reload()
			case s == syscall.SIGHUP:
				logger.Warn("cannot reload: the config file is not watched")
			default:
				endLoad()
				return a.end(node, told, w, s == os.Interrupt, signals)
			}
		}
	}
}

// stopLimit bounds the end: the longest grace period of a replica is the user's, so only a second signal cuts it short.
const stopLimit = 10 * time.Minute

// end stops the roles. A second Ctrl-C gives up waiting.
func (a *app) end(node *role.Node, told *story, w work, replicas bool, signals <-chan os.Signal) error {
	began := a.now()
	if w.story {
		told.ending(w.roles.Scaler, replicas)
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- node.Stop(ctx, replicas) }()
	for {
		select {
		case err := <-done:
			if err == nil && w.story {
				told.ended(w.roles.Scaler, replicas, a.now().Sub(began))
			}
			return err
		case s := <-signals:
			if s == os.Interrupt {
				return fmt.Errorf("gave up waiting for a clean end after a second Ctrl-C: replicas may still be running; headroom stop ends them")
			}
		}
	}
}

// reload applies what the watcher of the config file delivers.
type reload struct {
	node    *role.Node
	current headroom.Config
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
	if err := r.node.Apply(event.Loaded.Config, r.current); err != nil {
		r.refused = &event
		r.node.Announce(headroom.Event{Type: "config-refused", Level: headroom.LevelError,
			Message: "The new configuration cannot be applied and the old one stays in force: " + err.Error() + ". Send SIGHUP to try again."})
		return
	}
	r.current, r.refused = event.Loaded.Config, nil
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
