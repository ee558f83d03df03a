package api

import (
	"encoding/json"
	"time"

	"headroom.dev/headroom"
)

// The examples of /docs and /openapi.json: one moment in the life of a service called shop. A test checks each against
// its schema.

func exampleTime() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }

func exampleScale() ScaleRequest {
	return ScaleRequest{
		Service: "shop", Replicas: 4, For: headroom.Duration(10 * time.Minute), Reason: "sale starts at noon",
	}
}

func examplePolicy() headroom.Policy {
	return headroom.Policy{
		ID: "shop.cpu-scaling", Service: "shop", Source: headroom.SourceAPI,
		ScalingPolicy: headroom.ScalingPolicy{
			Name: "cpu-scaling", Metric: headroom.MetricCPU, Threshold: 70, Action: headroom.ActionScaleUp, Step: 1,
		},
	}
}

func examplePolicyRequest() PolicyRequest {
	return PolicyRequest{Service: "shop", ScalingPolicy: examplePolicy().ScalingPolicy}
}

func exampleGate() *headroom.Gate {
	return &headroom.Gate{History: headroom.Duration(7 * 24 * time.Hour), MoreOutside: 0.01, MoreCost: 5}
}

func exampleGateReport() *headroom.GateReport {
	return &headroom.GateReport{
		Passed: true, From: exampleTime().AddDate(0, 0, -7), To: exampleTime(), MoreOutside: 0.01, MoreCost: 5,
		Current: headroom.GateResult{ReplicaHours: 742, Requests: 61_200_000, Outside: 5100, OutsideMinutes: 6, WorstRecovery: headroom.Duration(14 * time.Second),
			ScaleEvents: 310, P95: headroom.Duration(48 * time.Millisecond)},
		Proposed: headroom.GateResult{ReplicaHours: 755, Requests: 61_200_000, Outside: 3900, OutsideMinutes: 5, WorstRecovery: headroom.Duration(9 * time.Second),
			ScaleEvents: 334, P95: headroom.Duration(47 * time.Millisecond)},
	}
}

func exampleShadows() []headroom.ShadowComparison {
	return []headroom.ShadowComparison{{
		Service: "shop", Policy: "evenings", Live: 4, Wants: new(6), Since: exampleTime().Add(-10 * time.Minute),
		Compared: headroom.Duration(58 * time.Minute), Differed: headroom.Duration(12 * time.Minute), MoreReplicaHours: 0.4, FewerReplicaHours: 0.1,
	}}
}

func exampleBackend() headroom.Backend {
	return headroom.Backend{
		ID: "shop-api-1", Service: "shop", Address: "127.0.0.1:9001", Weight: 1,
		State: headroom.BackendActive, Source: headroom.SourceAPI,
	}
}

func exampleSplit() headroom.ServiceSplit {
	return headroom.ServiceSplit{
		Service: "shop", Version: "8c7dd922ad47494f", Source: headroom.SourceAPI,
		Split: headroom.Split{By: headroom.SplitByCookie, Variants: []headroom.Variant{{Service: "shop", Weight: 90}, {Service: "shop-v2", Weight: 10}}},
		Shares: []headroom.VariantShare{
			{Service: "shop", Percent: 90, RequestsPerSecond: new(362.0)}, {Service: "shop-v2", Percent: 10, RequestsPerSecond: new(38.0)}},
	}
}

func exampleRoutes() headroom.ServiceRoutes {
	return headroom.ServiceRoutes{
		Service: "shop", Version: "0b1cb44b3ab1d2f5", Source: headroom.SourceAPI,
		Routes: []headroom.Route{{Path: "/api/", Rewrite: "/v2/", Redirect: headroom.Redirect{Status: 308}}},
	}
}

func exampleBackendRequest() BackendRequest {
	return BackendRequest{Service: "shop", Address: "127.0.0.1:9001", Weight: new(1)}
}

func exampleBackendUpdate() headroom.BackendUpdate {
	return headroom.BackendUpdate{Weight: new(2), State: new(headroom.BackendDraining)}
}

func exampleBackendStatus() headroom.BackendStatus {
	return headroom.BackendStatus{
		Backend: exampleBackend(), Health: headroom.HealthHealthy, Breaker: headroom.BreakerClosed,
		InFlight: new(int64(2)), RequestsPerSecond: new(41.0), LatencyP95: new(headroom.Duration(48 * time.Millisecond)),
	}
}

func exampleBalancer() headroom.BalancerStatus {
	return headroom.BalancerStatus{
		Connected: true, ReportedAt: new(exampleTime()), TableVersion: 7, EndpointsVersion: 7,
		Services: []headroom.ServiceTraffic{{
			Service: "shop", Listen: "127.0.0.1:8080", Algorithm: headroom.LeastConnections,
			RequestsPerSecond: 82, InFlight: 4, FailedPerSecond: 0,
			LatencyP50: new(headroom.Duration(21 * time.Millisecond)),
			LatencyP95: new(headroom.Duration(48 * time.Millisecond)),
			LatencyP99: new(headroom.Duration(72 * time.Millisecond)),
			Backends:   []headroom.BackendStatus{exampleBackendStatus()},
			RateLimits: []headroom.RateLimitStatus{{
				RateLimit:        headroom.RateLimit{Name: "per-client", Requests: 100, Period: headroom.Duration(time.Minute), OnFailure: "share", MaxKeys: 100_000},
				AllowedPerSecond: new(80.0), LimitedPerSecond: new(2.0), FallbackPerSecond: new(0.0), UncountedPerSecond: new(0.0),
				MostLimited: []headroom.LimitedKey{{Key: "203.0.113.7", Limited: 117}},
			}},
		}},
		Listeners: []headroom.ListenerMeasurement{{
			Listen: "127.0.0.1:8080", Connections: 31, Accepted: 3, Handshakes: headroom.Handshakes{Full: 1, Resumed: 2}, HTTP11: 12, HTTP2: 70,
		}},
		Certificates: []headroom.CertificateStatus{{
			Names: []string{"shop.example.com"}, File: "/etc/headroom/shop.pem",
			NotBefore: exampleTime().AddDate(0, 0, -30), NotAfter: exampleTime().AddDate(0, 0, 60),
		}},
	}
}

func exampleScaling() headroom.Scaling {
	return headroom.Scaling{
		Enabled: true, MinReplicas: 2, MaxReplicas: 10, TargetCPUUtilization: 70, LatencyQuantile: 0.95, Tolerance: 0.1,
		StableWindow: headroom.Duration(15 * time.Second), PanicThreshold: 1.5, ScaleDownCooldown: headroom.Duration(5 * time.Minute),
	}
}

func exampleObservation() headroom.Observation {
	reading := headroom.Reading{PerReplica: new(92.0), Total: new(184.0), Age: headroom.Duration(time.Second), Measured: 2, Replicas: 2}
	return headroom.Observation{
		Service: "shop", At: exampleTime(),
		Replicas: headroom.ReplicaCounts{Ready: new(2), Starting: new(0), Synced: true},
		Signals: map[headroom.Metric]headroom.Signal{
			headroom.MetricCPU: {Metric: headroom.MetricCPU, Fast: reading, Stable: reading},
		},
	}
}

// exampleDecision: 2 replicas at 92 % of a target of 70 % need ceil(2 * 92 / 70) = 3.
func exampleDecision() headroom.Decision {
	return headroom.Decision{
		ID: "shop-1769860800-1", Service: "shop", At: exampleTime(), From: 2, To: 3, Code: headroom.CodeScaleUp,
		Reason: "cpu is 92 % per replica, above the target of 70 %: 3 replicas instead of 2", Unlimited: 3,
		Proposals: []headroom.Proposal{{
			Source: "target cpu", Metric: headroom.MetricCPU, Target: 70, Window: "stable", Value: new(92.0), Replicas: new(3),
			Note: "184 % in total / 70 % = 2.63, rounded up to 3",
		}},
		Limits:      []headroom.Limit{{Rule: "maxReplicas", Before: 3, After: 3, Note: "at most 10"}},
		Policy:      exampleScaling(),
		Observation: exampleObservation(),
		State:       headroom.ScalerState{Wanted: 2},
	}
}

const exampleExplanation = "shop: from 2 to 3 replicas at 12:00:00\n\ncpu is 92 % per replica, above the target of 70 %: 3 replicas instead of 2\n"

const exampleWhyNot = "shop: 3 replicas rather than 20. cpu is 92 % per replica, above the target of 70 %: 3 replicas instead of 2\n\nWhy not 20 replicas\n" +
	"  the load                    does not ask for it: all together ask for 3 replicas\n"

func exampleOperation() headroom.Operation {
	return headroom.Operation{
		ID: "shop-1769860800-1-grow", Service: "shop", Kind: headroom.OperationGrow, Replicas: []string{"shop-3"}, From: 2, To: 3,
		Decision: "shop-1769860800-1", Reason: "cpu is 92 % per replica", State: headroom.OperationConfirmed,
		PlannedAt: exampleTime(), SentAt: exampleTime().Add(20 * time.Millisecond), FinishedAt: exampleTime().Add(420 * time.Millisecond),
	}
}

func exampleStatus() headroom.ServiceStatus {
	decision := exampleDecision()
	return headroom.ServiceStatus{
		Name: "shop", Kind: "run", DesiredReplicas: 3, ReadyReplicas: new(3), StartingReplicas: new(0), MinReplicas: 2, MaxReplicas: 10,
		Scaling: exampleScaling(), Signals: exampleObservation().Signals, LastDecision: &decision, LastChange: &decision,
		Replicas: []headroom.Replica{{
			Name: "shop-3", Service: "shop", State: headroom.ReplicaReady, Address: "127.0.0.1:20003", PID: 4711,
			Revision: "5c1d0a4e", CreatedAt: exampleTime(), ReadyAt: exampleTime().Add(400 * time.Millisecond),
		}},
	}
}

func exampleMetrics() MetricsAnswer {
	return MetricsAnswer{At: exampleTime(), Services: []ServiceNumbers{{
		Service: "shop", DesiredReplicas: 3, ReadyReplicas: new(3),
		RequestsPerSecond: new(82.0), FailedPerSecond: new(0.0), InFlight: new(int64(4)),
		LatencyP50: new(headroom.Duration(21 * time.Millisecond)),
		LatencyP95: new(headroom.Duration(48 * time.Millisecond)),
		LatencyP99: new(headroom.Duration(72 * time.Millisecond)),
		CPU:        new(61.5),
	}}}
}

func exampleComponent() headroom.ComponentHealth {
	return headroom.ComponentHealth{Name: "balancer", Healthy: true, Detail: "applied version 7", At: exampleTime()}
}

func exampleAlertRule() headroom.AlertRule {
	return headroom.AlertRule{
		Name: "TooManyInFlight", Expr: "headroom_requests_in_flight > 100", For: headroom.Duration(time.Minute),
		Severity: "warning", Summary: "too many requests at once",
	}
}

func exampleAlert() headroom.Alert {
	return headroom.Alert{
		Rule: "TooManyInFlight", Severity: "warning", Summary: "too many requests at once",
		Labels: map[string]string{"service": "shop"}, State: headroom.AlertFiring, Value: new(140.0),
		Since: exampleTime(), FiredAt: exampleTime().Add(time.Minute),
	}
}

// exampleSLA: 1 000 of 1 000 000 requests may fail at 99.9 %; 200 did, so 80 % of the budget is left.
func exampleSLA() headroom.SLAReport {
	return headroom.SLAReport{
		Service: "shop", Objective: headroom.Objective{Availability: 99.9, LatencyShare: 99, Window: headroom.Duration(30 * 24 * time.Hour)},
		From: exampleTime().AddDate(0, 0, -30), To: exampleTime(), Covered: 0.5, Requests: 1_000_000, Failed: 200,
		Availability: new(99.98), BudgetRemaining: new(0.8), BurnRate1h: new(0.1), Met: new(true),
		Summary: "99.98 % of 1000000 requests did not fail; 99.9 % are promised",
	}
}

func exampleEntry() headroom.Entry {
	return headroom.Entry{
		Seq: 42, At: exampleTime(), Kind: headroom.EntryEvent, Service: "shop",
		Data: json.RawMessage(`{"type":"replica-ready","level":"info","service":"shop","message":"shop-3 is ready after 0.4 s"}`),
	}
}

func exampleAudit() AuditEntry {
	return AuditEntry{Seq: 43, At: exampleTime(), Service: "shop", AuditRecord: headroom.AuditRecord{
		Actor: "local", Source: "127.0.0.1:51234", RequestID: "QVJSDLPEYB5NQ3GX", Verb: "create-policy",
		Object: "policy/shop.cpu-scaling", After: json.RawMessage(`{"id":"shop.cpu-scaling"}`), Outcome: "done",
	}}
}
