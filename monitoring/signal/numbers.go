package signal

// numbers keeps the numbers that the readings of one Read point to together: one allocation instead of one for each.
// A decision keeps all its readings or none, so nothing lives longer for it.
type numbers struct{ all []float64 }

// number returns a pointer to a value that nothing else points to.
func (n *numbers) number(value float64) *float64 {
	if len(n.all) == cap(n.all) {
		alone := value // and not value itself, which would be allocated each time
		return &alone
	}
	n.all = append(n.all, value)
	return &n.all[len(n.all)-1]
}
