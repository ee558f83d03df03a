package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/control"
	"headroom.dev/headroom/simulate/load"
)

// story tells a person at the terminal what happens, in sentences: what was measured, what was decided and why, what was
// done and how long it took.
type story struct {
	out     io.Writer
	style   style
	control *control.Controller
	now     func() time.Time
	told    uint64            // sequence number of the newest entry that was told
	idle    map[string]string // what was told last of each service that has no traffic
}

// measuredEvery is how often the traffic is told where nothing else happens.
const measuredEvery = 10 * time.Second

// tell tells what happened since a time, and goes on until the context ends and the events before that are told.
func (s *story) tell(ctx context.Context, since time.Time) {
	entries, cancel := s.control.Entries.Subscribe()
	defer cancel()
	for _, entry := range s.control.EventsSince(since) {
		s.entry(entry)
	}
	ticker := time.NewTicker(measuredEvery)
	defer ticker.Stop()
	for {
		select {
		case entry := <-entries:
			s.entry(entry)
		case <-ticker.C:
			s.measured()
		case <-ctx.Done():
			for {
				select {
				case entry := <-entries:
					s.entry(entry)
				default:
					return
				}
			}
		}
	}
}

func (s *story) entry(entry headroom.Entry) {
	if entry.Kind != headroom.EntryEvent || entry.Seq <= s.told {
		return
	}
	s.told = entry.Seq
	var event headroom.Event
	if json.Unmarshal(entry.Data, &event) != nil {
		return
	}
	text := event.Message
	switch {
	case event.Level == headroom.LevelError:
		text = s.style.failure(text)
	case event.Level == headroom.LevelWarning:
		text = s.style.warning(text)
	case event.Type == "decision":
		text = s.style.heading(text)
	}
	s.line(entry.At, text)
	if tail, there := event.Details["tail"].([]any); there {
		for _, line := range tail {
			fmt.Fprintf(s.out, "            %s\n", s.style.quiet(fmt.Sprint("| ", line)))
		}
	}
}

// measured tells the traffic of each service in the last second; of one that has none, only when that is news.
func (s *story) measured() {
	balancer := s.control.Balancer()
	if !balancer.Connected {
		return
	}
	statuses, err := s.control.Status("")
	if err != nil {
		return
	}
	for _, traffic := range balancer.Services {
		for _, status := range statuses {
			if status.Name != traffic.Service {
				continue
			}
			if text := measuredText(traffic, status); s.isNews(traffic, text) {
				s.line(s.now(), s.style.quiet(text))
			}
		}
	}
}

// isNews reports whether what is said of the traffic of a service should be told, and remembers it.
func (s *story) isNews(traffic headroom.ServiceTraffic, text string) bool {
	if traffic.RequestsPerSecond > 0 || traffic.InFlight > 0 {
		delete(s.idle, traffic.Service)
		return true
	}
	if s.idle[traffic.Service] == text {
		return false
	}
	if s.idle == nil {
		s.idle = map[string]string{}
	}
	s.idle[traffic.Service] = text
	return true
}

// measuredText is such as "shop: 60 requests/s, 3 in flight, half answered within 41 ms and 95 % within 48 ms; 2 of 2
// replicas ready."
func measuredText(traffic headroom.ServiceTraffic, status headroom.ServiceStatus) string {
	parts := []string{fmt.Sprintf("%s requests/s", rateText(traffic.RequestsPerSecond)), fmt.Sprintf("%d in flight", traffic.InFlight)}
	if traffic.LatencyP50 != nil && traffic.LatencyP95 != nil {
		parts = append(parts, fmt.Sprintf("half answered within %s and 95 %% within %s", latencyText(traffic.LatencyP50), latencyText(traffic.LatencyP95)))
	}
	if traffic.FailedPerSecond > 0 {
		parts = append(parts, fmt.Sprintf("%s/s failed", rateText(traffic.FailedPerSecond)))
	}
	noun := "replicas"
	if status.Kind == "backends" {
		noun = "backends"
	}
	return fmt.Sprintf("%s: %s; %s of %d %s ready.", traffic.Service, strings.Join(parts, ", "), countText(status.ReadyReplicas), status.DesiredReplicas, noun)
}

func (s *story) line(at time.Time, text string) {
	fmt.Fprintf(s.out, "%s  %s\n", s.style.quiet(at.Local().Format("15:04:05.0")), text)
}

// say tells something that is not an event.
func (s *story) say(format string, args ...any) { s.line(s.now(), fmt.Sprintf(format, args...)) }

// began says where everything is.
func (s *story) began(config headroom.Config, took time.Duration) {
	s.say("Headroom is up after %s.", headroom.ShortDuration(took))
	for _, name := range slices.Sorted(maps.Keys(config.Services)) {
		service := config.Services[name]
		taker := service.LoadBalancing.Listen + " takes"
		if !service.LoadBalancing.Listens() {
			taker = "other services take"
		}
		if service.Run == nil {
			s.say("%s: %s traffic for %s that someone else runs.", name, taker, plural(len(service.Backends), "backend"))
			continue
		}
		s.say("%s: %s traffic for %d to %d replicas of %q.", name, taker,
			service.Scaling.MinReplicas, service.Scaling.MaxReplicas, service.Run.Command.String())
	}
	s.say("The API is on http://%s, its description on http://%s/docs. Ctrl-C stops everything.", config.API.Listen, config.API.Listen)
}

func (s *story) ending(scaler, replicas bool) {
	switch {
	case !scaler:
		s.say("Stopping: the requests in flight are finished first.")
	case replicas:
		s.say("Stopping headroom and every replica: the requests in flight are finished first.")
	default:
		s.say("Stopping headroom; the replicas keep running.")
	}
}

func (s *story) ended(scaler, replicas bool, took time.Duration) {
	switch {
	case !scaler:
		s.say("Stopped after %s.", headroom.ShortDuration(took))
	case replicas:
		s.say("Headroom and every replica have stopped after %s.", headroom.ShortDuration(took))
	default:
		s.say("Headroom has stopped after %s. The replicas keep running: the next start adopts them, headroom stop ends them.", headroom.ShortDuration(took))
	}
}

// backendLook is the time between looks for a first backend; the balancer reports once a second.
const backendLook = 100 * time.Millisecond

// awaitBackend waits until a service can answer, so that what the load tells at its end is about surges and not about
// the tenths of a second before the first replica was there. It reports false where the context ended first.
func (s *story) awaitBackend(ctx context.Context, service string) bool {
	ticker := time.NewTicker(backendLook)
	defer ticker.Stop()
	for !s.canAnswer(service) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// canAnswer reports whether the balancer has a healthy backend for a service.
func (s *story) canAnswer(service string) bool {
	for _, traffic := range s.control.Balancer().Services {
		if traffic.Service != service {
			continue
		}
		return slices.ContainsFunc(traffic.Backends, func(backend headroom.BackendStatus) bool {
			return backend.State == headroom.BackendActive && backend.Health == headroom.HealthHealthy
		})
	}
	return false
}

// makeLoad makes the traffic of load: in the config file and tells how it was answered.
func (s *story) makeLoad(ctx context.Context, config headroom.Config) {
	shape, err := load.Parse(config.Load.Shape)
	if err != nil {
		s.say("%s", s.style.failure("load.shape: "+err.Error()))
		return
	}
	if !s.awaitBackend(ctx, config.Load.Service) {
		return
	}
	url := "http://" + config.Services[config.Load.Service].LoadBalancing.Listen + config.Load.Path
	s.say("Sending %s (duration@requests/s, from load: in the config file) to %s.", config.Load.Shape, url)
	report, err := load.Run(ctx, load.Options{URL: url, Shape: shape, Poisson: true})
	if err != nil {
		s.say("%s", s.style.failure("load: "+err.Error()))
		return
	}
	if report.Interrupted {
		return
	}
	var table strings.Builder
	if err := report.WriteTable(&table); err != nil {
		return
	}
	s.say("The load has ended. This is how it was answered:")
	fmt.Fprint(s.out, "\n", table.String(), "\n")
	s.say("Headroom goes on. In another terminal: bin/headroom explain, bin/headroom status. Ctrl-C stops everything.")
}
