package guard

// Admits reports whether one more request may be served where limit is how many may be at once, inFlight how many are, this one included, and
// percent the share of the limit that requests of its class may fill, 1 to 100. The least important classes have the smallest shares, so they
// are turned away first. Of any limit one request fits. E.g. of 100 a class of 60 % gets the 60th place and not the 61st.
func Admits(inFlight, limit int64, percent int) bool {
	return inFlight <= max(limit*int64(percent)/100, 1)
}
