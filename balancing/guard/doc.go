// Package guard holds the arithmetic that keeps requests from failing: circuit breakers, ejection of outliers, slow start, retry budgets,
// back-off, hedging delays, adaptive concurrency and admission by priority. It is pure: time and chance are parameters, and nothing here
// starts a goroutine or reads a clock. What each request does allocates nothing and, where all is well, takes no lock.
package guard
