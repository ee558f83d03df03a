package headroom

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// validateTCP finds what a service whose bytes are passed through unread asks for in vain. What it takes from general, the defaults of all
// services, is no mistake: it simply does not apply.
func (l LoadBalancing) validateTCP(path string, general LoadBalancing) []error {
	if l.Protocol != ProtocolTCP {
		return nil
	}
	found := &findings{}
	own := func(field, value string, mine, usual any) {
		v := reflect.ValueOf(mine)
		nothing := v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
		if nothing || reflect.DeepEqual(mine, usual) {
			return
		}
		found.add(&InvalidError{Field: path + "." + field, Value: value,
			Expected: "has no effect where protocol is tcp, which passes bytes through unread: remove it, or set protocol to http"})
	}
	own("hosts", "", l.Hosts, general.Hosts)
	own("routes", "", l.Routes, general.Routes)
	own("split.variants", "", l.Split.Variants, general.Split.Variants)
	own("mirror.service", strconv.Quote(l.Mirror.Service), l.Mirror.Service, general.Mirror.Service)
	if !l.RequestHeaders.Empty() {
		own("requestHeaders", "", l.RequestHeaders, general.RequestHeaders)
	}
	if !l.ResponseHeaders.Empty() {
		own("responseHeaders", "", l.ResponseHeaders, general.ResponseHeaders)
	}
	own("compression.enabled", "true", l.Compression.Enabled, general.Compression.Enabled)
	own("errorPages", "", l.ErrorPages, general.ErrorPages)
	own("serverTiming", "true", l.ServerTiming, general.ServerTiming)
	own("traceSampling", strconv.FormatFloat(l.TraceSampling, 'g', -1, 64), l.TraceSampling, general.TraceSampling)
	if l.BackendProtocol == BackendHTTP2 {
		own("backendProtocol", strconv.Quote(string(l.BackendProtocol)), l.BackendProtocol, general.BackendProtocol)
	}
	own("timeouts.response", strconv.Quote(l.Timeouts.Response.String()), l.Timeouts.Response, general.Timeouts.Response)
	own("timeouts.request", strconv.Quote(l.Timeouts.Request.String()), l.Timeouts.Request, general.Timeouts.Request)
	own("limits.header", strconv.Quote(l.Limits.Header.String()), l.Limits.Header, general.Limits.Header)
	own("limits.headerFields", strconv.Itoa(l.Limits.HeaderFields), l.Limits.HeaderFields, general.Limits.HeaderFields)
	own("limits.body", strconv.Quote(l.Limits.Body.String()), l.Limits.Body, general.Limits.Body)
	own("limits.bodyRate", strconv.Quote(l.Limits.BodyRate.String()), l.Limits.BodyRate, general.Limits.BodyRate)
	own("limits.requestsPerConnection", strconv.Itoa(l.Limits.RequestsPerConnection), l.Limits.RequestsPerConnection, general.Limits.RequestsPerConnection)
	own("limits.streamsPerConnection", strconv.Itoa(l.Limits.StreamsPerConnection), l.Limits.StreamsPerConnection, general.Limits.StreamsPerConnection)
	return found.errors
}

// validateSharing finds services on one listener that differ in what is decided before it is known whose request comes: a connection has
// one protocol, one PROXY header, and either TLS or not.
func (c Config) validateSharing() []error {
	found := &findings{}
	first := map[string]string{} // service by listener
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		mine := c.Services[name].LoadBalancing
		if !mine.Listens() {
			continue
		}
		other, shared := first[mine.Listen]
		if !shared {
			first[mine.Listen] = name
			continue
		}
		path := "services." + name + ".loadBalancing."
		differs := func(field, value, rule string) {
			found.add(&InvalidError{Field: path + field, Value: value,
				Expected: fmt.Sprintf("services %s and %s share the listener %q, %s", other, name, mine.Listen, rule)})
		}
		theirs := c.Services[other].LoadBalancing
		if mine.Protocol == ProtocolTCP || theirs.Protocol == ProtocolTCP {
			found.add(&InvalidError{Field: path + "listen", Value: strconv.Quote(mine.Listen),
				Expected: fmt.Sprintf("services %s and %s both listen there, and tcp connections name no host to tell them apart by: give each its own address, such as \"127.0.0.1:8081\"", other, name)})
			continue
		}
		if mine.TLS.Enabled() != theirs.TLS.Enabled() {
			with, without := name, other
			if theirs.TLS.Enabled() {
				with, without = other, name
			}
			differs("tls", "", fmt.Sprintf("where all or none have certificates: %s has, %s has not", with, without))
		}
		if mine.ProxyProtocol.Accept != theirs.ProxyProtocol.Accept {
			differs("proxyProtocol.accept", strconv.FormatBool(mine.ProxyProtocol.Accept),
				fmt.Sprintf("where it must be the same: it is %t in %s", theirs.ProxyProtocol.Accept, other))
		}
		if !slices.Equal(slices.Sorted(slices.Values(mine.TrustedProxies)), slices.Sorted(slices.Values(theirs.TrustedProxies))) {
			differs("trustedProxies", "", "where they must be the same: set them in the loadBalancing block at the top, or in both")
		}
	}
	return found.errors
}
