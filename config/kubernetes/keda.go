package kubernetes

// scaledObject reads KEDA's ScaledObject.
func (r objectReader) scaledObject(_ *Autoscaler, _, spec *block) {
	spec.problem(nil, "triggers", "ScaledObjects are not read yet")
}
