package signal

import "headroom.dev/headroom"

// byteRate is the bodies that clients sent and received, in bytes per second.
func (w *trafficWindow) byteRate() headroom.Reading {
	if w.unknown != "" {
		return w.none()
	}
	return w.shared(float64(w.bytes) / w.length.Seconds())
}

// errorShare is the percentage of the requests that ended in the window and failed through no fault of the client. As latency it belongs to the
// service: there is no total, and no per-replica share.
func (w *trafficWindow) errorShare() headroom.Reading {
	if w.unknown != "" {
		return w.none()
	}
	reading := headroom.Reading{Age: headroom.Duration(w.age), Measured: w.measured, Replicas: w.ready}
	if w.ended == 0 {
		reading.Unknown = "no request ended in the window"
		return reading
	}
	reading.PerReplica = w.number(headroom.RoundMeasured(100 * float64(w.failed) / float64(w.ended)))
	return reading
}
