package role

import (
	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/certificate"
)

// certificateStatuses are what a keeper has, as it is measured. They are part of each second, since a monitor that was away must not wait.
func certificateStatuses(kept []certificate.Status) []headroom.CertificateStatus {
	var statuses []headroom.CertificateStatus
	for _, c := range kept {
		statuses = append(statuses, headroom.CertificateStatus{
			Names: append([]string{}, c.Names...), File: c.File, NotBefore: c.NotBefore, NotAfter: c.NotAfter, Error: c.Error,
		})
	}
	return statuses
}
