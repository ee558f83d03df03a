package hpa

// Reason is why a condition is as it is, by HPA's names.
type Reason string

// The reasons of the conditions that an autoscaler has in Kubernetes.
const (
	// AbleToScale
	ReasonSucceededGetScale   Reason = "SucceededGetScale"   // nothing was stabilized in this step
	ReasonReadyForNewScale    Reason = "ReadyForNewScale"    // the stabilization windows changed nothing
	ReasonScaleUpStabilized   Reason = "ScaleUpStabilized"   // a recent recommendation was lower
	ReasonScaleDownStabilized Reason = "ScaleDownStabilized" // a recent recommendation was higher

	// ScalingActive
	ReasonScalingDisabled                  Reason = "ScalingDisabled" // someone else set the number to 0
	ReasonValidMetricFound                 Reason = "ValidMetricFound"
	ReasonFailedGetResourceMetric          Reason = "FailedGetResourceMetric"
	ReasonFailedGetContainerResourceMetric Reason = "FailedGetContainerResourceMetric"
	ReasonFailedGetPodsMetric              Reason = "FailedGetPodsMetric"
	ReasonFailedGetObjectMetric            Reason = "FailedGetObjectMetric"
	ReasonFailedGetExternalMetric          Reason = "FailedGetExternalMetric"
	ReasonInvalidMetricSourceType          Reason = "InvalidMetricSourceType"

	// ScalingLimited
	ReasonDesiredWithinRange Reason = "DesiredWithinRange"
	ReasonScaleUpLimit       Reason = "ScaleUpLimit"   // the rate policies of scaling up
	ReasonScaleDownLimit     Reason = "ScaleDownLimit" // the rate policies of scaling down
	ReasonTooManyReplicas    Reason = "TooManyReplicas"
	ReasonTooFewReplicas     Reason = "TooFewReplicas"
)

// failed is the reason of ScalingActive where a metric of the source failed.
func (s Source) failed() Reason {
	switch s {
	case Resource:
		return ReasonFailedGetResourceMetric
	case ContainerResource:
		return ReasonFailedGetContainerResourceMetric
	case Pods:
		return ReasonFailedGetPodsMetric
	case Object:
		return ReasonFailedGetObjectMetric
	case External:
		return ReasonFailedGetExternalMetric
	default:
		return ReasonInvalidMetricSourceType
	}
}
