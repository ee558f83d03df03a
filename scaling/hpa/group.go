package hpa

import (
	"errors"
	"fmt"
	"time"
)

// group is a sum over replicas of one kind.
type group struct {
	replicas int
	usage    int64 // milli-units; for missing replicas what they are taken to use on the way down
	request  int64 // milli-units; 0 for targets other than Utilization
}

func (g group) and(other group) group {
	return group{replicas: g.replicas + other.replicas, usage: add(g.usage, other.usage), request: add(g.request, other.request)}
}

// idle is the group as if it used nothing.
func (g group) idle() group {
	g.usage = 0
	return g
}

// groups are the replicas that count, HPA's groupPods: those with a measurement, those that should have one, and those that
// are not ready for one. Deleted and failed pods are in none.
type groups struct {
	measured, missing, unready group
}

// alike is a group of replicas that are all the same.
func alike(replicas int, usage, request int64) group {
	n := max(replicas, 0)
	return group{replicas: n, usage: scale(usage, int64(n), 1), request: scale(request, int64(n), 1)}
}

// The reasons why there is nothing to divide.
var (
	errNoPods     = errors.New("there are no pods")
	errUnmeasured = errors.New("no ready pod has a measurement")
)

// group sorts the pods. It fails where none has a measurement that counts, or where a request is missing.
func (m Metric) group(pods []Pod, c Controller, now time.Time) (groups, error) {
	if len(pods) == 0 {
		return groups{}, errNoPods
	}
	var g groups
	var unrequested error
	for i := range pods {
		pod := &pods[i]
		one := group{replicas: 1}
		if m.Type == Utilization {
			// Every pod needs a request, a deleted one too.
			request, err := pod.request(m)
			if err != nil && unrequested == nil {
				unrequested = err
			}
			one.request = request
		}
		value, found := pod.measured(m)
		switch {
		case pod.Deleted || pod.Phase == Failed:
		case pod.Phase == Pending:
			g.unready = g.unready.and(one)
		case !found:
			one.usage = m.assumed(one.request)
			g.missing = g.missing.and(one)
		case m.Name == "cpu" && m.Source != Pods && pod.starting(c, now):
			g.unready = g.unready.and(one)
		default:
			one.usage = value
			g.measured = g.measured.and(one)
		}
	}
	if g.measured.replicas == 0 {
		return groups{}, errUnmeasured
	}
	return g, unrequested
}

// assumed is what a replica without a measurement is taken to use on the way down: all of its request, or its target
// where that is more.
func (m Metric) assumed(request int64) int64 {
	if m.Type == Utilization {
		return scale(request, max(100, m.Target), 100)
	}
	return m.Target
}

// request is what the pod requests of the metric's resource: of the one container, of the pod as a whole where it says so,
// or of all containers.
func (p *Pod) request(m Metric) (int64, error) {
	if m.Source == Resource && len(p.PodRequests) > 0 {
		request, ok := p.PodRequests[m.Name]
		if !ok {
			return 0, fmt.Errorf("pod %s requests resources, but no %s", p.Name, m.Name)
		}
		return request, nil
	}
	total := int64(0)
	for _, c := range p.Requests {
		if m.Source == ContainerResource && c.Name != m.Container {
			continue
		}
		request, ok := c.Resources[m.Name]
		if !ok {
			return 0, fmt.Errorf("container %s of pod %s requests no %s", c.Name, p.Name, m.Name)
		}
		if m.Source == ContainerResource {
			return request, nil
		}
		total = add(total, request)
	}
	if m.Source == ContainerResource {
		return 0, fmt.Errorf("pod %s has no container %s", p.Name, m.Container)
	}
	return total, nil
}
