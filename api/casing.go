package api

import "github.com/danielgtaylor/huma/v2"

// A field's name is as it is documented, also in its case: huma takes METRICS for metrics unless its only switch for that, a variable of the package, says
// otherwise. It is set before anything runs, since servers are made side by side in tests.
var _ = func() struct{} {
	huma.ValidateStrictCasing = true
	return struct{}{}
}()
