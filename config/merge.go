package config

import "slices"

// merge lays one tree over another: maps merge deeply, anything else replaces, and nothing written (null) leaves what
// was there.
func merge(base, over *node) *node {
	if over == nil || over.kind == nullNode {
		if base != nil {
			return base
		}
		return over
	}
	if base == nil || base.kind != mapNode || over.kind != mapNode {
		return over
	}
	merged := *base
	merged.at = over.at
	merged.entries = slices.Clone(base.entries)
	index := make(map[string]int, len(base.entries))
	for i, e := range base.entries {
		index[e.key] = i
	}
	for _, e := range over.entries {
		if i, known := index[e.key]; known {
			merged.entries[i] = entry{e.key, e.at, merge(merged.entries[i].value, e.value)}
			continue
		}
		merged.entries = append(merged.entries, e)
	}
	merged.inherited = false
	return &merged
}

// inherit returns a copy of a tree that is marked as taken from the defaults block.
func inherit(n *node) *node {
	if n == nil {
		return nil
	}
	marked := *n
	marked.inherited = true
	marked.entries = make([]entry, len(n.entries))
	for i, e := range n.entries {
		e.value = inherit(e.value)
		marked.entries[i] = e
	}
	marked.items = make([]*node, len(n.items))
	for i, item := range n.items {
		marked.items[i] = inherit(item)
	}
	return &marked
}

// spreadDefaults gives every service the top-level blocks `scaling` and `loadBalancing` under its own.
func spreadDefaults(root *node) *node {
	services := root.find("services")
	if services == nil || services.kind != mapNode {
		return root
	}
	spread := *services
	spread.entries = make([]entry, len(services.entries))
	for i, service := range services.entries {
		for _, block := range []string{"scaling", "loadBalancing"} {
			service.value = takeDefaults(service.value, block, root.find(block))
		}
		spread.entries[i] = service
	}
	return root.with("services", spread.at, &spread)
}

func takeDefaults(service *node, block string, defaults *node) *node {
	if defaults == nil || defaults.kind != mapNode || (service.kind != mapNode && service.kind != nullNode) {
		return service
	}
	where := service.at
	for _, e := range service.entries {
		if e.key == block {
			where = e.at
		}
	}
	return service.with(block, where, merge(inherit(defaults), service.find(block)))
}
