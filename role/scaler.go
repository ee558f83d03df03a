package role

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/balancing/discover"
	"headroom.dev/headroom/config"
	"headroom.dev/headroom/control"
	"headroom.dev/headroom/link"
	"headroom.dev/headroom/monitoring/source"
	"headroom.dev/headroom/platform/process"
	"headroom.dev/headroom/store/bolt"
)

// Scaler is the role that decides: it has the state, the platform, the loop and the API.
type Scaler struct {
	control  *control.Controller
	store    *bolt.Store
	platform *process.Platform
	prober   *prober
	monitor  reader
	poller   *source.Poller
	names    *discover.Watcher
	version  string
	log      *slog.Logger

	rules link.Feed[[]headroom.AlertRule] // made through the API, for the monitor
	stops link.Feed[bool]                 // true has the other roles end

	listener net.Listener // of the API
	token    string       // that the API asks for; empty for none
	server   *http.Server
	hangUp   context.CancelFunc // ends the event streams of the API
	served   chan struct{}
}

// stateFile is the name of the scaler's store in the state directory.
const stateFile = "state.db"

func newScaler(options Options, monitor reader, order func(), log *slog.Logger) (*Scaler, error) {
	s := &Scaler{monitor: monitor, version: options.Version, log: log}
	dir := options.Config.State.Dir
	var err error
	if s.store, err = bolt.Open(filepath.Join(dir, stateFile), bolt.Options{Logger: log}); err != nil {
		return s, err
	}
	s.prober = newProber()
	s.platform, err = process.New(process.Options{Dir: filepath.Join(dir, "replicas"), Logger: log, Probe: s.prober.probe})
	if err != nil {
		return s, err
	}
	s.control, err = control.New(control.Options{
		Store: s.store, Platform: s.platform, Logger: log, MachineMemory: machineMemory(), Stop: order,
	})
	if err != nil {
		return s, err
	}
	if recovery := s.store.Recovery(); recovery != nil {
		s.control.Announce(headroom.Event{Type: "state-recovered", Level: headroom.LevelError, Message: fmt.Sprintf(
			"The state file was damaged (%s) and the snapshot of %s took its place: what was changed after that is lost. The damaged file is kept as %s.",
			recovery.Damage, recovery.SnapshotAt.Local().Format(time.DateTime), recovery.Kept)})
	}
	if err := s.publishRules(); err != nil {
		return s, err
	}
	s.poller = s.newPoller()
	s.names = discover.New(s.control.Resolved)
	return s, s.Apply(options.Config)
}

func (s *Scaler) run(ctx context.Context) {
	timer := time.NewTimer(firstSnapshot)
	defer timer.Stop()
	var polling sync.WaitGroup
	polling.Go(func() { s.poller.Run(ctx) })
	defer polling.Wait()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.control.Run(ctx) // ends with the context
	}()
	for {
		select {
		case <-done:
			return
		case <-timer.C:
			if err := s.store.Snapshot(); err != nil {
				s.log.Warn("cannot keep a snapshot of the state", "error", err)
			}
			timer.Reset(snapshotEvery)
		}
	}
}

// What is lost if the state file itself is destroyed: the last minutes. A first life has its first snapshot soon.
const (
	firstSnapshot = 30 * time.Second
	snapshotEvery = 10 * time.Minute
)

// settle waits until the loop has looked at every service once, at most a second: what runs already is then known.
func (s *Scaler) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s.control.Settled(ctx)
}

// listenAPI takes the API's address; who connects waits until serveAPI.
func (s *Scaler) listenAPI(settings headroom.API, listen func(address string) (net.Listener, error)) error {
	s.token = settings.Token
	if s.token == "" && !api.Loopback(settings.Listen) {
		var err error
		if s.token, err = api.EnsureToken(settings.TokenFile); err != nil {
			return fmt.Errorf("api.listen %s is not loopback, so the API needs a token: %w", settings.Listen, err)
		}
	}
	if err := api.CheckListen(settings.Listen, s.token); err != nil {
		return err
	}
	var err error
	if s.listener, err = listen(settings.Listen); err != nil {
		return fmt.Errorf("api.listen %s: %w: stop what listens there, or choose another address", settings.Listen, err)
	}
	return nil
}

func (s *Scaler) serveAPI() {
	ctx, cancel := context.WithCancel(context.Background())
	s.hangUp = cancel
	s.server = &http.Server{
		BaseContext: func(net.Listener) context.Context { return ctx },
		Handler: api.New(api.Options{
			Control: s.control, Monitor: apiMonitor{reader: s.monitor, addRule: s.addRule, poller: s.poller}, Store: s.store, Events: &s.control.Entries, Read: config.Read,
			Try: newGate(s.control.Settings, s.monitor).try, Token: s.token,
			Version: s.version, Logger: s.log,
		}),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		_ = s.server.Serve(s.listener)
	}()
}

// handler answers the other roles.
func (s *Scaler) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /endpoints", link.Stream(&s.control.Endpoints))
	mux.Handle("GET /reports", link.Stream(&s.control.Reports))
	mux.Handle("GET /rules", link.Stream(&s.rules))
	mux.Handle("GET /stop", link.Stream(&s.stops))
	return mux
}

// sayStop tells the other roles to end too, where everything stops.
func (s *Scaler) sayStop(all bool) {
	if all {
		s.stops.Publish(true)
	}
}

// alerted records an alert that the monitor raised or resolved.
func (s *Scaler) alerted(alert headroom.Alert) {
	level := headroom.LevelWarning
	if alert.State == headroom.AlertResolved {
		level = headroom.LevelInfo
	}
	s.control.Announce(headroom.Event{
		Type: "alert-" + string(alert.State), Level: level, Service: alert.Labels["service"], Message: alertText(alert),
		Details: map[string]any{"rule": alert.Rule, "labels": alert.Labels, "severity": alert.Severity},
	})
}

// alertText is such as "shop: the alert NoHealthyBackend is firing: no backend is healthy."
func alertText(alert headroom.Alert) string {
	text, verb := "The alert ", "is firing"
	if service := alert.Labels["service"]; service != "" {
		text = service + ": the alert "
	}
	if alert.State == headroom.AlertResolved {
		verb = "is resolved"
	}
	text += alert.Rule + " " + verb
	if alert.Summary != "" {
		text += ": " + alert.Summary
	}
	return text + "."
}

const ruleKind = "alert-rule"

// addRule stores an alert rule that was made through the API and hands all of them to the monitor.
func (s *Scaler) addRule(rule headroom.AlertRule, change headroom.Change) error {
	writes := []headroom.Write{{Put: &headroom.Object{Kind: ruleKind, Name: rule.Name, Value: rule}}}
	if change.Also != nil {
		also, err := change.Also(rule)
		if err != nil {
			return err
		}
		writes = append(writes, also...)
	}
	if _, err := s.store.Commit(writes...); err != nil {
		return err
	}
	return s.publishRules()
}

func (s *Scaler) publishRules() error {
	rules := []headroom.AlertRule{}
	err := s.store.List(ruleKind, func(name string, data json.RawMessage) error {
		var rule headroom.AlertRule
		if err := json.Unmarshal(data, &rule); err != nil {
			return fmt.Errorf("alert rule %s: %w", name, err)
		}
		rules = append(rules, rule)
		return nil
	})
	if err == nil {
		s.rules.Publish(rules)
	}
	return err
}

// stopReplicas ends every replica and waits until they are gone.
func (s *Scaler) stopReplicas(ctx context.Context) error {
	if err := s.platform.StopAll(ctx); err != nil {
		return err
	}
	return s.control.AllStopped()
}

// answerLimit bounds how long the API may take for the answers that it has begun when it ends.
const answerLimit = 3 * time.Second

// closeAPI finishes the answers that have begun, such as that to the order to stop.
func (s *Scaler) closeAPI() {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		s.server.Close()
	}
	<-s.served
}

func (s *Scaler) close() error {
	var errs []error
	if s.names != nil {
		s.names.Stop()
	}
	if s.server != nil {
		s.hangUp() // event streams never end by themselves
		s.closeAPI()
	} else if s.listener != nil {
		s.listener.Close()
	}
	if s.platform != nil {
		errs = append(errs, s.platform.Close())
	}
	if s.prober != nil {
		s.prober.close()
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
