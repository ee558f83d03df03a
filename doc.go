// Package headroom is the vocabulary of Headroom: the words that the balancer, the monitor and the scaler share.
//
// What a user writes in the config file are these types (see [Config]); what travels between the rooms are these
// types too (see [Measurement], [Observation], [Decision], [Operation], [Replica], [Backend]). The package holds
// plain types, small interfaces and validation. It does no I/O, reads no clock and imports nothing of ours.
//
// Two rules hold for every type here:
//
//   - Unknown is a type, never a number: what could not be read is a nil pointer (null in JSON), not 0 and not -1.
//   - Durations, sizes and processor shares are types ([Duration], [Bytes], [CPU]), never bare numbers.
package headroom
