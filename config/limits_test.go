package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Large files must not keep headroom busy or flood the terminal. 20 s is for a busy machine: each takes well under one.
func TestLargeFilesAreReadInSeconds(t *testing.T) {
	const size = 100_000 // bytes
	var unknown, variables, services, braces strings.Builder
	for i := 0; unknown.Len() < size; i++ {
		fmt.Fprintf(&unknown, "unknown%d: x\n", i)
	}
	variables.WriteString("services:\n  shop:\n    run:\n      command: ./shop\n      environment:\n")
	for i := 0; variables.Len() < size; i++ {
		fmt.Fprintf(&variables, "        NAME%d: 'a secret'\n", i)
	}
	services.WriteString("services:\n")
	for i := range 1000 {
		fmt.Fprintf(&services, "  s%d: {run: ./shop, loadBalancing: {listen: '127.0.0.1:%d'}}\n", i, 10000+i)
	}
	braces.WriteString(strings.Repeat("{}", size/2))
	for name, text := range map[string]string{"unknown fields": unknown.String(), "variables": variables.String(), "services": services.String(), "documents": braces.String()} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := loadText(t, text)
			took := time.Since(start)
			t.Logf("%d bytes took %s", len(text), took)
			if name == "services" && err != nil {
				t.Errorf("1,000 services do not load: %v", err)
			}
			if took > 20*time.Second {
				t.Errorf("%d bytes took %s", len(text), took)
			}
			if err != nil && len(err.Error()) > 100_000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}
