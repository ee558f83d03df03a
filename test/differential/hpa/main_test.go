package hpa

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/util/runtime"
)

// TestMain takes away the handlers of errors: they write a line for each metric that fails, and then sleep so as not to write too many.
func TestMain(m *testing.M) {
	runtime.ErrorHandlers = nil
	os.Exit(m.Run())
}
