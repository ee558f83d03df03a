package hpa

import "time"

// Controller is what is set for all autoscalers of a cluster, by flags of kube-controller-manager.
type Controller struct {
	// Tolerance holds where a behavior sets none (--horizontal-pod-autoscaler-tolerance).
	Tolerance float64 `json:"tolerance"`
	// DownscaleStabilization is the scale-down window where a behavior sets none
	// (--horizontal-pod-autoscaler-downscale-stabilization).
	DownscaleStabilization time.Duration `json:"downscaleStabilization"`
	// CPUInitializationPeriod is how long after its start the processor use of a pod is looked at with care
	// (--horizontal-pod-autoscaler-cpu-initialization-period).
	CPUInitializationPeriod time.Duration `json:"cpuInitializationPeriod"`
	// InitialReadinessDelay is how soon after its start a pod may turn unready and still count as one that never was ready
	// (--horizontal-pod-autoscaler-initial-readiness-delay).
	InitialReadinessDelay time.Duration `json:"initialReadinessDelay"`
}

// DefaultController is what kube-controller-manager runs with unless it is told otherwise. Its loop comes by every 15 s
// (--horizontal-pod-autoscaler-sync-period), which is the caller's to do.
func DefaultController() Controller {
	return Controller{
		Tolerance:               0.1,
		DownscaleStabilization:  5 * time.Minute,
		CPUInitializationPeriod: 5 * time.Minute,
		InitialReadinessDelay:   30 * time.Second,
	}
}
