package pick

import (
	"cmp"
	"slices"
)

// overprovisioning is how much more than its share of the load a group takes before the next one gets some: with 1.4 a group of which 72 % are
// healthy still takes all. It is Envoy's factor for priorities and localities (overprovisioning_factor 140).
const overprovisioning = 1.4

// group is the candidates of one priority, and there of one region or of one nearness to the balancer. A request goes to the first group that can
// take it; what a group cannot take because too few of it are healthy spills over to the next.
type group struct {
	pool
	place
	healthy, total uint64 // weight
	takes          float64
}

// place is what puts candidates into one group. Groups are asked by priority, then by nearness, then by region.
type place struct {
	priority, near, region int
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.priority, q.priority), cmp.Compare(p.near, q.near), cmp.Compare(p.region, q.region))
}

func makeGroups(candidates []Candidate, settings Settings) []group {
	byPlace := map[place][]int{}
	for i := range candidates {
		c := &candidates[i]
		if c.Weight > 0 {
			at := place{c.Priority, c.Near, c.Region}
			byPlace[at] = append(byPlace[at], i)
		}
	}
	if len(byPlace) == 0 {
		return []group{{takes: 1}}
	}
	groups := make([]group, 0, len(byPlace))
	for at, indexes := range byPlace {
		g := group{place: at}
		for _, i := range indexes {
			w := uint64(candidates[i].Weight)
			g.total += w
			if !candidates[i].Unhealthy {
				g.healthy += w
			}
		}
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b group) int { return a.compare(b.place) })
	panicked := panics(groups, settings.Panic)
	for i := range groups {
		groups[i].fill(candidates, byPlace[groups[i].place], panicked[groups[i].priority], settings)
	}
	return groups
}

// panics finds the priorities whose health is ignored: where all priorities together cannot take all, those of which less than the threshold is
// healthy (Envoy's panic threshold). So many are hardly ill; rather their checks are, and all the load on the few that are left would kill
// those.
func panics(groups []group, threshold float64) map[int]bool {
	healthy, total := map[int]uint64{}, map[int]uint64{}
	for i := range groups {
		healthy[groups[i].priority] += groups[i].healthy
		total[groups[i].priority] += groups[i].total
	}
	capacity := 0.0
	for priority := range total {
		capacity += min(1, overprovisioning*float64(healthy[priority])/float64(total[priority]))
	}
	panicked := map[int]bool{}
	for priority := range total {
		panicked[priority] = capacity < 1 && float64(healthy[priority]) < threshold*float64(total[priority])
	}
	return panicked
}

// fill makes the pool of those that may be picked.
func (g *group) fill(candidates []Candidate, indexes []int, everybody bool, settings Settings) {
	members := make([]member, 0, len(indexes))
	var ids []string
	for _, i := range indexes {
		c := &candidates[i]
		if c.Unhealthy && !everybody {
			continue
		}
		members = append(members, member{inFlight: c.InFlight, load: c.Load, weight: uint32(c.Weight), index: uint32(i)})
		ids = append(ids, c.ID)
	}
	g.pool = makePool(members, ids, settings)
	g.takes = 1
	if !everybody {
		g.takes = min(1, overprovisioning*float64(g.healthy)/float64(g.total))
	}
}

// pickGrouped asks the groups in the request's order. Each takes its part of chance, the rest spills over; where all together cannot take all, their
// parts grow alike. A group whose candidates are all excluded passes the request on.
func (p *Picker) pickGrouped(s *Snapshot, r *Request) int {
	capacity := 0.0
	for i := range s.groups {
		capacity += s.groups[i].takes
	}
	chance := float64(r.draw()>>11) / (1 << 53) * min(1, capacity)
	passed := None // the first group, in order, that chance has passed over
	for last := s.first(r); last != None; last = s.after(last, r) {
		g := &s.groups[last]
		if chance >= g.takes {
			chance -= g.takes
			if passed == None {
				passed = last
			}
			continue
		}
		chance = 0
		if i := p.from(&g.pool, r); i != None {
			return i
		}
	}
	for ; passed != None; passed = s.after(passed, r) {
		if i := p.from(&s.groups[passed].pool, r); i != None {
			return i
		}
	}
	return None
}

func (s *Snapshot) first(r *Request) int { return s.next(r, place{priority: -1}) }

func (s *Snapshot) after(group int, r *Request) int { return s.next(r, s.groups[group].seen(r)) }

// next is the group that follows a place in the order of the request. There are few groups, and mostly the first takes the request.
func (s *Snapshot) next(r *Request, than place) int {
	best := None
	var at place
	for i := range s.groups {
		mine := s.groups[i].seen(r)
		if mine.compare(than) > 0 && (best == None || mine.compare(at) < 0) {
			best, at = i, mine
		}
	}
	return best
}

// seen is a group's place with the rank of its region for this request in place of the region's number.
func (g *group) seen(r *Request) place {
	at := g.place
	if len(r.Regions) == 0 {
		return at
	}
	for rank, region := range r.Regions {
		if int(region) == g.region {
			at.region = rank
			return at
		}
	}
	at.region = len(r.Regions) + 1 + g.region // those that are not named, and those without one, which is −1
	return at
}
