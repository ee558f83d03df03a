package headroom

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Money is an amount in a currency, in millionths of its unit: prices of a second of a small machine are fractions of a cent. Users write "0.042 USD".
type Money struct {
	Micros   int64
	Currency string // ISO 4217, three capital letters
}

// IsZero reports whether no amount was given.
func (m Money) IsZero() bool { return m == Money{} }

// Units is the amount in units of the currency, for display and ratios.
func (m Money) Units() float64 { return float64(m.Micros) / 1e6 }

// Times multiplies the amount, rounded to the nearest millionth.
func (m Money) Times(factor float64) Money {
	return Money{Micros: int64(math.Round(float64(m.Micros) * factor)), Currency: m.Currency}
}

// String is how users write it; empty where there is none.
func (m Money) String() string {
	if m.IsZero() {
		return ""
	}
	return strconv.FormatFloat(m.Units(), 'f', -1, 64) + " " + m.Currency
}

// MarshalText implements encoding.TextMarshaler.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads "0.042 USD".
func (m *Money) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = Money{}
		return nil
	}
	number, currency, found := strings.Cut(strings.TrimSpace(string(text)), " ")
	value, err := strconv.ParseFloat(number, 64)
	currency = strings.TrimSpace(currency)
	capitals := len(currency) == 3 && strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	const most = 1e12
	if !found || err != nil || !(value >= 0 && value <= most) || !capitals {
		return fmt.Errorf(`%q is not an amount of money: write a number and a currency, such as "0.042 USD"`, text)
	}
	*m = Money{Micros: int64(math.Round(value * 1e6)), Currency: currency}
	return nil
}
