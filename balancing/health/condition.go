package health

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"headroom.dev/headroom"
)

// answer is what of an answer to a check is looked at.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// wanted is how much of the body of an answer with this status is read: enough for the condition on it, or to keep of a failure. Of one that is
// well without a look at it nothing is, whatever it is and however long it takes.
func wanted(check headroom.HealthCheck, status int) int {
	switch {
	case check.BodyContains != "" || check.BodyMatches != "":
		return bodyRead
	case statusIsHealthy(check, status) && len(check.Headers) == 0:
		return 0
	}
	return bodyKept
}

// unmet says in words what was expected of an answer and is not so, or "" where it is as of a healthy backend.
func unmet(check headroom.HealthCheck, got answer) string {
	if !statusIsHealthy(check, got.status) {
		if len(check.Statuses) > 0 {
			return "a status of " + strings.Join(check.Statuses, ", ")
		}
		return "200 to 399"
	}
	for name, text := range check.Headers {
		values := got.header.Values(name)
		if len(values) == 0 {
			return "the field " + name
		}
		if !slices.ContainsFunc(values, func(value string) bool { return strings.Contains(value, text) }) {
			return fmt.Sprintf("%q in the field %s, which is %q", text, name, strings.Join(values, ", "))
		}
	}
	if check.BodyContains != "" && !bytes.Contains(got.body, []byte(check.BodyContains)) {
		return fmt.Sprintf("%q in the body", check.BodyContains)
	}
	if check.BodyMatches == "" {
		return ""
	}
	pattern, err := regexp.Compile(check.BodyMatches) // at each check, which is seldom enough
	if err != nil {
		return fmt.Sprintf("healthCheck.bodyMatches to be a regular expression: %v", err)
	}
	if !pattern.Match(got.body) {
		return fmt.Sprintf("a body that matches %q", check.BodyMatches)
	}
	return ""
}

// statusIsHealthy holds for the statuses that the check names, or 200 to 399.
func statusIsHealthy(check headroom.HealthCheck, status int) bool {
	if len(check.Statuses) == 0 {
		return status >= 200 && status <= 399
	}
	return slices.ContainsFunc(check.Statuses, func(text string) bool {
		allowed, ok := headroom.ParseStatusRange(text)
		return ok && allowed.Has(status)
	})
}
