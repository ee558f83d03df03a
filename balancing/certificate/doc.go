// Package certificate is TLS for the balancer: which certificate and which rules a client gets by the name that it asks for (SNI),
// certificates from files that are read again when they change or obtained by ACME, certificates of clients, session tickets that a
// change of the configuration does not spoil, and TLS to the backends.
//
// A [Keeper] is asked for the TLS of each listener and of each service's backends when a routing table is about to come into force,
// and told by Commit or Rollback whether it did.
package certificate
