package config

import "strconv"

// Origin says where one value came from.
type Origin struct {
	Value  string // as text; of a secret too, so show it through [Loaded.Show] only
	Source string // "FILE:LINE:COLUMN", "env NAME", ".env NAME", "defaults block FILE:LINE" or "default"
	Secret bool
}

// origin names the place of a node, and whether a service took it from the defaults block.
func (n *node) origin() string {
	if !n.inherited {
		return n.at.String()
	}
	if n.at.source != nil && n.at.source.kind == fromFile {
		return "defaults block " + n.at.source.name + ":" + strconv.Itoa(n.at.line)
	}
	return "defaults block " + n.at.String()
}
