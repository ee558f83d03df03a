package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/api/client"
)

func newStatusCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status [SERVICE]",
		Short: "Show each service: replicas, traffic, latency and the last change",
		Long: `Show each service: replicas, traffic, latency and the last change. With the name of a service, show
also its signals, its shadows (policies that decide nothing) with what they would have done in the
last hour, and its replicas.

A ? is a number that is not known now, a dash one that there is not.`,
		Args:              arguments(0, 1),
		ValidArgsFunction: a.completeOne(serviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			remote, err := a.connect()
			if err != nil {
				return err
			}
			return a.show(cmd.Context(), func(ctx context.Context) (any, func(io.Writer, style) error, error) {
				return a.lookAtStatus(ctx, remote, args)
			})
		},
	}
	a.addWatchFlag(cmd)
	return cmd
}

// lookAtStatus asks for all services, or the one that args names. The traffic is asked for besides, for people only; a
// balancer that cannot be asked leaves question marks.
func (a *app) lookAtStatus(ctx context.Context, remote *client.Client, args []string) (any, func(io.Writer, style) error, error) {
	name := strings.Join(args, "")
	services, err := remote.Status(ctx, name)
	if err != nil {
		return nil, nil, a.suggestService(ctx, remote, name, err)
	}
	var traffic headroom.BalancerStatus
	if a.flags.output == formatTable {
		traffic, _ = remote.Balancer(ctx) // the zero status is "not connected", and shown as such
	}
	return api.StatusList{Services: services}, func(w io.Writer, s style) error {
		v := statusView{now: a.now(), style: s, services: services, balancer: traffic}
		if name != "" {
			return v.writeOne(w)
		}
		return v.writeAll(w)
	}, nil
}

func findService(services []headroom.ServiceStatus, name string) (headroom.ServiceStatus, error) {
	var names []string
	for _, service := range services {
		if service.Name == name {
			return service, nil
		}
		names = append(names, service.Name)
	}
	return headroom.ServiceStatus{}, unknownName("service", name, names)
}

// statusView is what headroom status shows to people.
type statusView struct {
	now      time.Time
	style    style
	services []headroom.ServiceStatus
	balancer headroom.BalancerStatus
}

// traffic is what the balancer last said of a service; nil is unknown.
func (v statusView) traffic(service string) *headroom.ServiceTraffic {
	if !v.balancer.Connected {
		return nil
	}
	for i := range v.balancer.Services {
		if v.balancer.Services[i].Service == service {
			return &v.balancer.Services[i]
		}
	}
	return nil
}

func (v statusView) writeAll(w io.Writer) error {
	if len(v.services) == 0 {
		_, err := fmt.Fprintln(w, "no services")
		return err
	}
	t := newTable(v.style, "SERVICE", ">READY", ">WANTED", ">RANGE", ">REQUESTS/S", ">IN FLIGHT", ">FAILED/S", ">P50", ">P95", ">CPU", ">MEMORY", "LAST CHANGE")
	for _, service := range v.services {
		t.add(v.row(service)...)
	}
	if err := t.write(w); err != nil {
		return err
	}
	return v.writeNotes(w)
}

func (v statusView) row(service headroom.ServiceStatus) []cell {
	cells := []cell{text(service.Name), v.ready(service)}
	if service.Kind == "backends" {
		cells = append(cells, number(""), number(""))
	} else {
		cells = append(cells, number(strconv.Itoa(service.DesiredReplicas)), number(fmt.Sprintf("%d-%d", service.MinReplicas, service.MaxReplicas)))
	}
	cells = append(cells, v.trafficCells(service.Name)...)
	return append(cells, v.usage(service, headroom.MetricCPU), v.usage(service, headroom.MetricMemory), text(v.lastChange(service)))
}

// ready is how many are ready, and how many more are starting: "2+1". Fewer than wanted is worth a look.
func (v statusView) ready(service headroom.ServiceStatus) cell {
	ready := number(countText(service.ReadyReplicas))
	if service.StartingReplicas != nil && *service.StartingReplicas > 0 {
		ready.text += "+" + strconv.Itoa(*service.StartingReplicas)
	}
	switch {
	case service.ReadyReplicas == nil || *service.ReadyReplicas == 0 && service.DesiredReplicas > 0:
		ready.paint = v.style.failure
	case *service.ReadyReplicas < service.DesiredReplicas:
		ready.paint = v.style.warning
	}
	return ready
}

func (v statusView) trafficCells(service string) []cell {
	traffic := v.traffic(service)
	if traffic == nil {
		return slices.Repeat([]cell{number(unknownText)}, 5)
	}
	failed := number(rateText(traffic.FailedPerSecond))
	if traffic.FailedPerSecond > 0 {
		failed.paint = v.style.failure
	}
	return []cell{
		number(rateText(traffic.RequestsPerSecond)), number(strconv.FormatInt(traffic.InFlight, 10)), failed,
		number(latencyText(traffic.LatencyP50)), number(latencyText(traffic.LatencyP95)),
	}
}

func (v statusView) usage(service headroom.ServiceStatus, metric headroom.Metric) cell {
	if service.Kind == "backends" {
		return number("")
	}
	signal, ok := service.Signals[metric]
	if !ok {
		return number(unknownText)
	}
	return number(percentText(signal.Stable))
}

func (v statusView) lastChange(service headroom.ServiceStatus) string {
	d := service.LastChange
	if d == nil {
		return ""
	}
	return fmt.Sprintf("%d to %d, %s ago", d.From, d.To, ageText(v.now, d.At))
}

// writeNotes says in sentences what a table cannot.
func (v statusView) writeNotes(w io.Writer) error {
	var b strings.Builder
	note := func(service, format string, args ...any) {
		sentence := fmt.Sprintf(format, args...)
		if !strings.HasPrefix(sentence, service+" ") { // many reasons begin with the service
			sentence = v.style.heading(service) + ": " + sentence
		}
		fmt.Fprintln(&b, sentence)
	}
	if !v.balancer.Connected {
		note("balancer", "%s", v.style.warning("has not reported within three seconds; its traffic is not known"))
	}
	for _, certificate := range v.balancer.Certificates {
		if certificate.Error != "" {
			note("certificate", "%s", v.style.warning(strings.Join(certificate.Names, ", ")+": "+certificate.Error))
		}
	}
	for _, service := range v.services {
		if d := service.LastChange; d != nil {
			note(service.Name, "%s", d.Reason)
		}
		if m := service.Manual; m != nil {
			note(service.Name, "held at %s until %s%s%s", plural(m.Replicas, "replica"), clockText(v.now, m.Until), by(m.By), because(m.Reason))
		}
		if !service.Scaling.Enabled && service.Kind != "backends" {
			note(service.Name, "scaling is switched off")
		}
		if service.Split != nil {
			note(service.Name, "%s", splitSentence(*service.Split))
		}
		for _, shadow := range service.Shadows {
			if shadow.Wants != nil && *shadow.Wants != shadow.Live {
				note(service.Name, "the shadow %s would want %s, and has for %s", shadow.Policy, plural(*shadow.Wants, "replica"), ageText(v.now, shadow.Since))
			}
		}
		for _, o := range service.Operations {
			note(service.Name, "%s", operationSentence(v.now, o))
		}
		for _, problem := range service.Problems {
			note(service.Name, "%s", v.style.warning(problem))
		}
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w, "\n"+b.String())
	return err
}

// splitSentence is such as "split by cookie, changed through the API: shop 90% (362/s), shop-v2 10% (38/s)".
func splitSentence(split headroom.ServiceSplit) string {
	var shares []string
	for _, share := range split.Shares {
		perSecond := unknownText
		if share.RequestsPerSecond != nil {
			perSecond = rateText(*share.RequestsPerSecond)
		}
		shares = append(shares, fmt.Sprintf("%s %.4g%% (%s/s)", share.Service, share.Percent, perSecond))
	}
	return fmt.Sprintf("split by %s, %s: %s", split.By, sourceText(split.Source), strings.Join(shares, ", "))
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func operationSentence(now time.Time, o headroom.Operation) string {
	doing := map[headroom.OperationKind]string{
		headroom.OperationGrow: "starting", headroom.OperationDrain: "draining", headroom.OperationShrink: "stopping",
	}[o.Kind]
	sentence := fmt.Sprintf("%s %s for %s (%s)", doing, strings.Join(o.Replicas, ", "), ageText(now, o.PlannedAt), o.State)
	if o.Error != "" {
		sentence += ": " + o.Error
	}
	return sentence
}

func (v statusView) writeOne(w io.Writer) error {
	if err := v.writeAll(w); err != nil {
		return err
	}
	service := v.services[0]
	if len(service.Signals) > 0 {
		t := newTable(v.style, "SIGNAL", ">LAST SECOND", ">"+service.Scaling.StableWindow.String()+" MEAN", ">TARGET", "NOTE")
		for _, metric := range metricsOf(service) {
			signal := service.Signals[metric]
			t.add(text(string(metric)), number(readingText(signal.Fast, metric)), number(readingText(signal.Stable, metric)),
				number(targetText(service.Scaling, metric)), text(signalNote(service.Scaling, signal)))
		}
		if err := writeBlock(w, t); err != nil {
			return err
		}
	}
	if len(service.Shadows) > 0 {
		if err := writeBlock(w, v.shadows(service.Shadows)); err != nil {
			return err
		}
	}
	if len(service.Replicas) == 0 {
		return nil
	}
	t := newTable(v.style, "REPLICA", "STATE", "ADDRESS", ">PID", ">AGE", "DETAIL")
	for _, replica := range slices.SortedFunc(slices.Values(service.Replicas), byOrdinal) {
		t.add(text(replica.Name), t.mood(string(replica.State)), text(replica.Address), number(pidText(replica.PID)),
			number(ageText(v.now, replica.CreatedAt)), text(replicaDetail(replica)))
	}
	return writeBlock(w, t)
}

// writeBlock writes a table that follows something else.
func writeBlock(w io.Writer, t *table) error {
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return t.write(w)
}

func readingText(reading headroom.Reading, metric headroom.Metric) string {
	if reading.PerReplica == nil {
		return unknownText
	}
	value := strconv.FormatFloat(*reading.PerReplica, 'f', 1, 64)
	if unit := metric.Unit(); unit == "%" {
		return value + unit
	}
	return strings.TrimSpace(value + " " + metric.Unit())
}

// metricsOf lists the built-in metrics in their order, then the service's own signals by name.
func metricsOf(service headroom.ServiceStatus) []headroom.Metric {
	var all []headroom.Metric
	for _, metric := range headroom.Metrics() {
		if _, measured := service.Signals[metric]; measured {
			all = append(all, metric)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(service.Scaling.Signals)) {
		if _, read := service.Signals[name]; read {
			all = append(all, name)
		}
	}
	return all
}

// signalNote says why a reading is missing or partial, and of a service's own signal how old it is.
func signalNote(policy headroom.Scaling, signal headroom.Signal) string {
	stable := signal.Stable
	_, own := policy.Signals[signal.Metric]
	switch {
	case own && stable.Total != nil:
		note := fmt.Sprintf("%s in all, read %s ago", amountText(*signal.Fast.Total, signal.Metric), time.Duration(stable.Age).Round(time.Second))
		if signal.Failures > 0 {
			note += fmt.Sprintf("; %s since", plural(signal.Failures, "failure"))
		}
		return note
	case stable.Unknown != "":
		return stable.Unknown
	case stable.Measured < stable.Replicas:
		return fmt.Sprintf("read from %d of %d replicas", stable.Measured, stable.Replicas)
	default:
		return ""
	}
}

// targetText is what the policy aims at; empty where it does not aim at this metric.
func targetText(policy headroom.Scaling, metric headroom.Metric) string {
	var target float64
	switch metric {
	case headroom.MetricCPU:
		target = policy.TargetCPUUtilization
	case headroom.MetricMemory:
		target = policy.TargetMemoryUtilization
	case headroom.MetricRequestsPerSecond:
		target = policy.TargetRequestsPerSecond
	case headroom.MetricInFlight:
		target = policy.TargetInFlight
	case headroom.MetricLatency:
		target = policy.TargetLatency.Seconds() * 1000
	}
	for _, p := range policy.Policies {
		if target == 0 && p.Target != nil && p.Target.Metric == metric {
			target = p.Target.Utilization + p.Target.AverageValue + p.Target.Value // one of them is given
		}
	}
	if target == 0 {
		return ""
	}
	return amountText(target, metric)
}

// byOrdinal puts shop-2 before shop-10: the names of one service differ in their numbers only.
func byOrdinal(a, b headroom.Replica) int {
	return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
}

func pidText(pid int) string {
	if pid == 0 {
		return ""
	}
	return strconv.Itoa(pid)
}

func replicaDetail(r headroom.Replica) string {
	switch {
	case r.Exit != "":
		return r.Exit
	case r.Detail != "":
		return r.Detail
	case r.Adopted:
		return "adopted"
	default:
		return ""
	}
}
