package alert

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// failed selects the outcomes that are the service's fault, as headroom.Outcomes.Failed counts them.
const failed = `outcome=~"5xx|no_backend|connect_error|timeout|reset"`

// Builtin returns the rules that need no configuration. They look at Headroom's own metrics.
func Builtin() []headroom.AlertRule {
	minute := headroom.Duration(time.Minute)
	return []headroom.AlertRule{
		{
			// Two failures at least: at a low rate one failed request is a large share and no alarm.
			Name: "HighErrorShare",
			Expr: `sum by (service) (rate(headroom_requests_total{` + failed + `}[1m]))
  / sum by (service) (rate(headroom_requests_total{outcome!="client_aborted"}[1m])) > 0.05
and sum by (service) (increase(headroom_requests_total{` + failed + `}[1m])) >= 2`,
			For: minute, Severity: "critical",
			Summary: "more than 5 % of the requests of the last minute failed",
		},
		{
			Name: "NoHealthyBackend",
			Expr: `max by (service) (headroom_backends{health="healthy"}) == 0`,
			For:  headroom.Duration(10 * time.Second), Severity: "critical",
			Summary: "no backend is healthy: requests wait or are answered 503",
		},
		{
			Name: "BalancerSilent",
			Expr: `absent(headroom_backends)`,
			For:  headroom.Duration(10 * time.Second), Severity: "critical",
			Summary: "the balancer has reported nothing for 15 seconds and more",
		},
		{
			Name: "AtMaximumReplicas",
			Expr: `headroom_replicas_unlimited > on (service) headroom_replicas_max`,
			For:  5 * minute, Severity: "warning",
			Summary: "the load asks for more replicas than maxReplicas allows",
		},
		{
			Name: "ReplicasMissing",
			Expr: `headroom_replicas_ready < on (service) headroom_replicas_min`,
			For:  minute, Severity: "warning",
			Summary: "fewer replicas are ready than minReplicas asks for",
		},
		{
			// A week is enough to put right what keeps a certificate from being renewed, and one that is renewed in time never comes
			// so near: ACME begins a third of its life before its end, 30 days of 90. Of those that live for days only, it is a fifth.
			Name: "CertificateExpires",
			Expr: `headroom_certificate_expiry_timestamp_seconds - time() < clamp_max(headroom_certificate_lifetime_seconds / 5, 7 * 86400)`,
			For:  minute, Severity: "critical",
			Summary: "a certificate ends within a week, or has ended, and was not renewed",
		},
		{
			// The files of a certificate and its key are replaced one after the other, and an authority may be away for some minutes.
			Name: "CertificateNotRenewed",
			Expr: `headroom_certificate_failing == 1`,
			For:  15 * minute, Severity: "warning",
			Summary: "a certificate could not be read anew, obtained or renewed: the log says why",
		},
	}
}

// Check says what is wrong with a rule at path, its PromQL included; with an empty path the fields are named alone.
// checkQuery parses an expression: metrics.CheckQuery does.
func Check(rule headroom.AlertRule, path string, checkQuery func(string) error) error {
	problems := rule.Validate(path)
	if strings.TrimSpace(rule.Expr) == "" {
		return errors.Join(problems...)
	}
	if err := checkQuery(rule.Expr); err != nil {
		problems = append(problems, &headroom.InvalidError{Field: strings.TrimPrefix(path+".expr", "."), Value: rule.Expr, Expected: fmt.Sprintf("must be PromQL: %v", err)})
	}
	return errors.Join(problems...)
}
