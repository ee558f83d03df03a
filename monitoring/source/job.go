package source

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// job is one reading that is repeated, for all signals that want the same.
type job struct {
	name    string // of the first signal that wanted it, for the log
	every   time.Duration
	timeout time.Duration
	lane    string
	metric  string // that others send; empty for other kinds
	open    func() (Reader, error)

	reader Reader // nil until the first reading; only the goroutine that reads uses it, and who retires it afterwards

	// The poller's lock guards these.
	subscribers []subscriber
	failures    int
	at          time.Time // of the next reading
	index       int       // in the schedule; -1 while it is being read
	again       bool      // read again at once when the reading has ended
	gone        bool
}

type subscriber struct {
	service string
	signal  headroom.Metric
}

// adopt takes the subscribers that there are now and reports whether one of them is new.
func (j *job) adopt(now []subscriber) bool {
	fresh := false
	for _, one := range now {
		fresh = fresh || !slices.Contains(j.subscribers, one)
	}
	j.subscribers = now
	return fresh
}

func (j *job) read(ctx context.Context) (value float64, at time.Time, err error) {
	at = time.Now()
	if j.reader == nil {
		if j.reader, err = j.open(); err != nil {
			j.reader = nil
			return 0, at, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, j.timeout)
	defer cancel()
	if with, own := j.reader.(dated); own {
		value, at, err = with.readAt(ctx)
	} else {
		value, err = j.reader.Read(ctx)
	}
	if err == nil {
		err = usable(value)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("there was no complete answer before its timeout")
	}
	return value, at, err
}

func (j *job) close() {
	if j.reader != nil {
		closeReader(j.reader)
		j.reader = nil
	}
}

// schedule is a heap of jobs, the next one first.
type schedule []*job

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(a, b int) bool { return s[a].at.Before(s[b].at) }
func (s schedule) Swap(a, b int) {
	s[a], s[b] = s[b], s[a]
	s[a].index, s[b].index = a, b
}

// Push is heap.Interface's.
func (s *schedule) Push(x any) {
	j := x.(*job)
	j.index = len(*s)
	*s = append(*s, j)
}

// Pop is heap.Interface's.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	j := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	j.index = -1
	return j
}

// wanted makes the jobs of all signals, by what they read and how often.
func (p *Poller) wanted(services map[string]headroom.Service) map[string]*job {
	jobs := map[string]*job{}
	for service, settings := range services {
		if settings.Run == nil {
			continue // nobody scales it
		}
		for name, from := range settings.Scaling.Signals {
			to := subscriber{service, name}
			key := keyOf(to, from, settings)
			if jobs[key] == nil {
				jobs[key] = p.jobOf(to, from, settings)
			}
			jobs[key].subscribers = append(jobs[key].subscribers, to)
		}
	}
	return jobs
}

// keyOf is equal for signals that one reading serves.
func keyOf(to subscriber, from headroom.SignalFrom, settings headroom.Service) string {
	from.Fallback = headroom.SignalFallback{}
	if from.Pushed == nil {
		from.StaleAfter = 0
	}
	key := struct {
		From      headroom.SignalFrom
		TimeZone  string
		Calendars map[string][]string
		Directory string
		Service   string
	}{From: from}
	switch {
	case from.External != nil:
		key.Service = to.service
	case from.Cron != nil:
		key.TimeZone, key.Calendars = settings.Scaling.TimeZone, settings.Scaling.Calendars
	case from.Command != nil:
		key.Directory = settings.Run.WorkingDirectory
	}
	text, err := json.Marshal(key)
	if err != nil { // such as a value that is not a number: it is read for itself
		return to.service + "." + string(to.signal)
	}
	return string(text)
}

// jobOf says how a signal is read. A source without any of the kinds, which validation refuses, reads as an error.
func (p *Poller) jobOf(to subscriber, from headroom.SignalFrom, settings headroom.Service) *job {
	const usual = 5 * time.Second // the default of every timeout
	j := &job{name: to.service + "." + string(to.signal), every: max(time.Duration(from.Every), time.Second), timeout: usual, index: -1, lane: "local"}
	limit := func(timeout headroom.Duration) {
		if timeout > 0 {
			j.timeout = time.Duration(timeout)
		}
	}
	is := func(reader Reader) { j.open = func() (Reader, error) { return reader, nil } }
	switch {
	case from.PromQL != nil && from.PromQL.URL != "":
		limit(from.PromQL.Timeout)
		j.lane = serverOf(from.PromQL.URL)
		is(prometheus{p.client, *from.PromQL})
	case from.PromQL != nil:
		limit(from.PromQL.Timeout)
		j.lane = "monitor"
		is(ownMetrics{p.options.Query, from.PromQL.Query})
	case from.HTTP != nil:
		limit(from.HTTP.Timeout)
		j.lane = serverOf(from.HTTP.URL)
		is(document{p.client, *from.HTTP})
	case from.Command != nil:
		limit(from.Command.Timeout)
		j.lane = "command"
		is(command{from.Command.Run, settings.Run.WorkingDirectory})
	case from.External != nil:
		limit(from.External.Timeout)
		j.lane = from.External.Address
		j.open = func() (Reader, error) { return p.options.External(*from.External, to.service) }
	case from.Pushed != nil:
		j.metric = from.Pushed.Metric
		is(pushed{&p.received, *from.Pushed, time.Duration(from.StaleAfter)})
	case from.Cron != nil:
		is(clock{headroom.Scaling{TimeZone: settings.Scaling.TimeZone, Calendars: settings.Scaling.Calendars}, *from.Cron})
	default:
		j.open = func() (Reader, error) { return nil, errors.New("it does not say where it comes from") }
	}
	return j
}

func serverOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return address
	}
	return parsed.Scheme + "://" + parsed.Host
}
