package signal

import "headroom.dev/headroom"

// byteRate is the bodies that clients sent and received, in bytes per second.
func (w trafficWindow) byteRate(ready []string) headroom.Reading {
	if w.unknown != "" {
		return w.none(ready)
	}
	var bytes, length float64
	for _, s := range w.seconds {
		bytes += s.bytes
		length += s.length.Seconds()
	}
	return w.shared(ready, bytes/length)
}

// errorShare is the percentage of the requests that ended in the window and failed through no fault of the client. As latency it belongs to the
// service: there is no total, and no per-replica share.
func (w trafficWindow) errorShare(ready []string) headroom.Reading {
	if w.unknown != "" {
		return w.none(ready)
	}
	var ended, failed uint64
	for _, s := range w.seconds {
		ended += s.ended
		failed += s.failed
	}
	reading := headroom.Reading{Age: headroom.Duration(w.age), Measured: w.measured(ready), Replicas: len(ready)}
	if ended == 0 {
		reading.Unknown = "no request ended in the window"
		return reading
	}
	percent := 100 * float64(failed) / float64(ended)
	reading.PerReplica = &percent
	return reading
}
