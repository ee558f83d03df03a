package headroom

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ServiceSplit is how the requests of a service are shared among its variants now.
type ServiceSplit struct {
	Service string `json:"service" readOnly:"true" example:"shop"`
	Version string `json:"version" readOnly:"true" doc:"of the split, for If-Match; the same as the header ETag" example:"8c7dd922ad47494f"`
	Split
	Source BackendSource  `json:"source" readOnly:"true" enum:"config,api" doc:"api where it was changed through the API"`
	Shares []VariantShare `json:"shares" readOnly:"true" nullable:"false" doc:"of each variant, in their order"`
}

// VariantShare is what one variant gets.
type VariantShare struct {
	Service string `json:"service" example:"shop-v2"`
	// Percent is of the requests that the weights decide: those that name a variant by headers and cookies come beside them.
	Percent           float64  `json:"percent" doc:"of the requests that the weights decide" example:"5"`
	RequestsPerSecond *float64 `json:"requestsPerSecond" doc:"of the variant in the last second, from wherever they came; null where no balancer has reported" example:"20"`
}

// SplitUpdate replaces a split, or only weights of its variants.
type SplitUpdate struct {
	Split   *Split         // nil where only weights change
	Weights map[string]int // by the service of the variant; those not in it stay
}

// ServiceRoutes are the routes of a service now.
type ServiceRoutes struct {
	Service string        `json:"service" readOnly:"true" example:"shop"`
	Version string        `json:"version" readOnly:"true" doc:"of the routes, for If-Match; the same as the header ETag" example:"8c7dd922ad47494f"`
	Routes  []Route       `json:"routes" nullable:"false" doc:"all of them"`
	Source  BackendSource `json:"source" readOnly:"true" enum:"config,api" doc:"api where they were changed through the API"`
}

// VersionOf tells states of one thing apart. It is a hash of what the thing says, so it is the same on each headroom and after a restart, and again
// the old one where a change is taken back.
func VersionOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "" // no version matches: values of the vocabulary have JSON
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// ChangedError says that something is not as the client last saw it.
type ChangedError struct{ What, Version string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s has changed meanwhile: its version is %q now", e.What, e.Version)
}

// Check refuses a change of something whose version is not one that the client asked for.
func (c Change) Check(what, version string) error {
	if len(c.IfMatch) == 0 || slices.Contains(c.IfMatch, "*") || slices.Contains(c.IfMatch, version) {
		return nil
	}
	return &ChangedError{What: what, Version: version}
}

// Because is the reason of a change as it ends a sentence.
func (c Change) Because() string {
	if c.Reason == "" {
		return "."
	}
	return ": " + strings.TrimSuffix(c.Reason, ".") + "."
}

// Percents are the shares of the variants, in their order. All are 0 where all weights are.
func (s Split) Percents() []float64 {
	total := 0
	for _, variant := range s.Variants {
		total += variant.Weight
	}
	percents := make([]float64, len(s.Variants))
	for i, variant := range s.Variants {
		if total > 0 {
			percents[i] = 100 * float64(variant.Weight) / float64(total)
		}
	}
	return percents
}

// Summary is such as "by cookie: shop 95, shop-v2 5".
func (s Split) Summary() string {
	if len(s.Variants) == 0 {
		return "none: the service takes all itself"
	}
	var parts []string
	for _, variant := range s.Variants {
		parts = append(parts, fmt.Sprintf("%s %d", variant.Service, variant.Weight))
	}
	return fmt.Sprintf("by %s: %s", s.By, strings.Join(parts, ", "))
}

// Reweigh is the split with other weights of some of its variants. One without variants gets those that are named.
func (s Split) Reweigh(weights map[string]int) (Split, error) {
	if len(s.Variants) == 0 {
		for _, name := range sortedNames(weights) {
			s.Variants = append(s.Variants, Variant{Service: name, Weight: weights[name]})
		}
		return s, nil
	}
	s.Variants = slices.Clone(s.Variants)
	known := make([]string, len(s.Variants))
	for i, variant := range s.Variants {
		known[i] = variant.Service
		if weight, given := weights[variant.Service]; given {
			s.Variants[i].Weight = weight
		}
	}
	for _, name := range sortedNames(weights) {
		if !slices.Contains(known, name) {
			return s, &InvalidError{Field: "weights." + name, Expected: "is no variant of this split: give the split as a whole to add one. There is: " + joinNames(known)}
		}
	}
	return s, nil
}

func sortedNames(weights map[string]int) []string {
	names := make([]string, 0, len(weights))
	for name := range weights {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
