package headroom

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Validate says what is wrong with how a service is scaled.
func (s Scaling) Validate(path string) []error {
	found := &findings{}
	if s.MinReplicas >= 1 && s.MaxReplicas >= 1 && s.MaxReplicas < s.MinReplicas {
		found.add(&InvalidError{Field: path + ".maxReplicas", Value: strconv.Itoa(s.MaxReplicas),
			Expected: fmt.Sprintf("must be at least minReplicas, which is %d", s.MinReplicas)})
	}
	found.add(s.validateAlone(path)...)
	return found.errors
}

// validateAlone judges each field by itself.
func (s Scaling) validateAlone(path string) []error {
	found := &findings{}
	if s.MinReplicas == 0 {
		found.add(&InvalidError{Field: path + ".minReplicas", Value: "0",
			Expected: "scale to zero is not available yet: must be 1 or more"})
	}
	const shortest, longest = Duration(time.Second), Duration(5 * time.Minute)
	if s.StableWindow < shortest || s.StableWindow > longest {
		found.add(&InvalidError{Field: path + ".stableWindow", Value: strconv.Quote(s.StableWindow.String()),
			Expected: fmt.Sprintf("must be from %s to %s", shortest, longest)})
	}
	seen := map[string]int{}
	for i, policy := range s.Policies {
		at := fmt.Sprintf("%s.policies[%d]", path, i)
		found.add(policy.Validate(at)...)
		if first, twice := seen[policy.Name]; twice && policy.Name != "" {
			found.add(&InvalidError{Field: at + ".name", Value: strconv.Quote(policy.Name),
				Expected: fmt.Sprintf("is also the name of %s.policies[%d]: names of policies must differ", path, first)})
			continue
		}
		seen[policy.Name] = i
	}
	found.add(checkTags(path, s)...)
	return found.errors
}

// Validate says what is wrong with one threshold policy: a name, a metric that exists, an action, a step. With an empty
// path the fields are named alone. The name is part of the policy's identity, SERVICE.NAME, and of its path in the API,
// so it holds no spaces, dots and slashes.
func (p ThresholdPolicy) Validate(path string) []error {
	const longest = 63
	found := &findings{}
	switch {
	case strings.TrimSpace(p.Name) == "":
		found.add(&InvalidError{Field: joinPath(path, "name"), Expected: `must be given, such as "cpu-scaling"`})
	case len(p.Name) > longest || strings.ContainsAny(p.Name, " \t\r\n./"):
		found.add(&InvalidError{Field: joinPath(path, "name"), Value: strconv.Quote(p.Name),
			Expected: fmt.Sprintf(`must be a word of at most %d characters without spaces, dots and slashes, such as "cpu-scaling"`, longest)})
	}
	found.add(checkTags(path, p)...)
	return found.errors
}
