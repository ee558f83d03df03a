package kubernetes

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// longestQuantity is more than any that Kubernetes writes itself, in bytes.
const longestQuantity = 64

// quantity reads an amount as Kubernetes writes it, exactly: "100m", "1.5", "2k", "1Gi", "1e3". Its sign may be a minus; what is done with that is
// for the field to say. (k8s.io/apimachinery/pkg/api/resource.Quantity.)
func quantity(text string) (*big.Rat, error) {
	wrong := fmt.Errorf(`%q: must be a quantity of Kubernetes, such as "500m", "2k" or "1Gi"`, text)
	if len(text) > longestQuantity {
		return nil, wrong
	}
	end := len(text)
	for i, r := range text {
		if !strings.ContainsRune("+-.0123456789", r) {
			end = i
			break
		}
	}
	digits, suffix := text[:end], text[end:]
	if !strings.ContainsAny(digits, "0123456789") || strings.LastIndexAny(digits, "+-") > 0 || strings.Count(digits, ".") > 1 {
		return nil, wrong
	}
	value, ok := new(big.Rat).SetString(digits)
	factor, known := factorOf(suffix)
	if !ok || !known {
		return nil, wrong
	}
	return value.Mul(value, factor), nil
}

// factorOf is what a suffix multiplies with: decimal, binary, or an exponent.
func factorOf(suffix string) (*big.Rat, bool) {
	power := func(base, exponent int64) *big.Rat {
		whole := new(big.Int).Exp(big.NewInt(base), big.NewInt(max(exponent, -exponent)), nil)
		if exponent < 0 {
			return new(big.Rat).SetFrac(big.NewInt(1), whole)
		}
		return new(big.Rat).SetInt(whole)
	}
	switch suffix {
	case "n":
		return power(10, -9), true
	case "u":
		return power(10, -6), true
	case "m":
		return power(10, -3), true
	case "":
		return power(10, 0), true
	}
	for i, letter := range "kMGTPE" {
		if suffix == string(letter) {
			return power(10, 3*int64(i+1)), true
		}
	}
	for i, letter := range "KMGTPE" {
		if suffix == string(letter)+"i" {
			return power(2, 10*int64(i+1)), true
		}
	}
	if suffix[0] != 'e' && suffix[0] != 'E' {
		return nil, false
	}
	exponent, err := strconv.Atoi(suffix[1:])
	// Beyond these no target could be.
	if err != nil || exponent < -30 || exponent > 30 {
		return nil, false
	}
	return power(10, int64(exponent)), true
}

// amount is a quantity as a target: in thousandths, rounded up as Kubernetes does (MilliValue), so that it comes back to the same number.
func amount(value *big.Rat) float64 {
	milli := new(big.Rat).Mul(value, big.NewRat(1000, 1))
	whole, rest := new(big.Int).QuoRem(milli.Num(), milli.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	result, _ := new(big.Rat).SetFrac(whole, big.NewInt(1000)).Float64()
	return result
}
