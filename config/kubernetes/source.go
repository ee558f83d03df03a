package kubernetes

import (
	"strconv"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// prometheus reads the trigger of that name. KEDA takes a query without a result as 0 unless it is told otherwise; here that is written into the query.
func (r objectReader) prometheus(_ *Autoscaler, t *trigger, b *block) {
	query := b.needed("query", "sum(rate(http_requests_total[1m]))")
	if b.truth("ignoreNullValues", true) && query != "" {
		query = orZero(query)
	}
	source := &headroom.PromQLSource{Query: query, URL: b.needed("serverAddress", "http://prometheus:9090"), Timeout: timeout(b), Headers: headers(b)}
	if organization, n := b.text("cortexOrgID"); n != nil {
		source.Headers = with(source.Headers, "X-Scope-OrgID", organization)
	}
	t.from.PromQL = source
	t.threshold(b, "threshold")
	t.activation, _ = b.amount("activationThreshold", 0)
	b.ignore("metricName") // KEDA does not use it since 2.10
	for _, name := range []string{"namespace", "queryParameters"} {
		b.refuse(name, "headroom adds no parameters to a query: put them into serverAddress or into the query, and take this out")
	}
	refuseAccess(b)
}

func orZero(query string) string {
	if strings.ContainsAny(query, "#\n") {
		return "(\n" + strings.Trim(query, "\n") + "\n) or vector(0)" // a comment would swallow the bracket
	}
	return "(" + strings.TrimSpace(query) + ") or vector(0)"
}

// refuseAccess names the ways to get access that a signal does not have.
func refuseAccess(b *block) {
	for _, name := range []string{"authModes", "authMode"} {
		b.refuse(name, "secrets of the cluster are not read: take this out, and give the signal headers, such as {Authorization: 'Bearer file:token'}")
	}
	if b.truth("unsafeSsl", false) {
		b.refuse("unsafeSsl", "headroom does not talk to a server that it cannot trust: take this out, and have the machine trust the server's certificate")
	}
}

// timeout is that of one request: KEDA's are 3 s and in milliseconds.
func timeout(b *block) headroom.Duration {
	return headroom.Duration(time.Duration(b.whole("timeout", 3000, 1, 3_600_000)) * time.Millisecond)
}

// headers reads "X-Client-Id=cid,X-Tenant-Id=tid".
func headers(b *block) map[string]string {
	text, n := b.text("customHeaders")
	if n == nil {
		return nil
	}
	var made map[string]string
	for part := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(part, "=")
		if !found || strings.TrimSpace(name) == "" {
			b.problem(n, "customHeaders", `must be such as "X-Client-Id=cid,X-Tenant-Id=tid"`)
			return nil
		}
		made = with(made, strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return made
}

func with(headers map[string]string, name, value string) map[string]string {
	if headers == nil {
		headers = map[string]string{}
	}
	headers[name] = value
	return headers
}

// cron is desiredReplicas while the window holds, with a target of 1.
func (r objectReader) cron(_ *Autoscaler, t *trigger, b *block) {
	t.from.Cron = &headroom.CronSource{
		Window: headroom.Window{From: b.needed("start", "0 8 * * *"), Until: b.needed("end", "0 18 * * *"), TimeZone: b.needed("timezone", "Europe/Berlin")},
		Value:  float64(b.whole("desiredReplicas", 0, 0, mostReplicas)),
	}
	if !b.has("desiredReplicas") {
		b.problem(nil, "desiredReplicas", "must be given, such as '10'")
	}
	t.metric.Target = 1
}

// metricsAPI is a number in a JSON document.
func (r objectReader) metricsAPI(_ *Autoscaler, t *trigger, b *block) {
	path := b.needed("valueLocation", "components.worker.tasks")
	if strings.ContainsAny(path, `#*?|@!{}[]()`) {
		b.problem(b.take("valueLocation"), "valueLocation", "%s: headroom follows names and indexes with dots between them, such as components.0.tasks", strconv.Quote(path))
	}
	if format := b.one("format", "json", "xml", "yaml", "prometheus"); format != "json" {
		b.refuse("format", "headroom reads JSON: have a program print the number (command of a signal), or Prometheus read it (promql)")
	}
	if method := b.one("method", "GET", "POST"); method != "GET" {
		b.refuse("method", "headroom asks with GET: have a program print the number (command of a signal)")
	}
	if b.truth("aggregateFromKubeServiceEndpoints", false) {
		b.refuse("aggregateFromKubeServiceEndpoints", "headroom asks one address: have a program add the numbers up (command of a signal)")
	}
	b.ignore("aggregationType")
	t.from.HTTP = &headroom.HTTPSource{URL: b.needed("url", "http://127.0.0.1:9000/stats"), Path: path, Timeout: timeout(b)}
	t.threshold(b, "targetValue")
	t.activation, _ = b.amount("activationTargetValue", 0)
	refuseAccess(b)
}

// external passes all of its metadata on to the scaler, as KEDA does.
func (r objectReader) external(_ *Autoscaler, t *trigger, b *block) {
	source := &headroom.ExternalSource{Address: b.needed("scalerAddress", "scaler.default:9090"), Metadata: map[string]string{}, Timeout: seconds(5)}
	source.TLS = b.truth("enableTLS", false)
	for _, name := range []string{"tlsCertFile", "caCert", "tlsClientCert", "tlsClientKey"} {
		b.refuse(name, "certificates of the cluster are not read: take this out, import, and give the signal a caFile")
	}
	if b.truth("unsafeSsl", false) {
		b.refuse("unsafeSsl", "headroom does not talk to a server that it cannot trust: take this out, and give the signal a caFile")
	}
	for _, e := range b.at.entries {
		if e.value.kind == scalar {
			source.Metadata[e.key.text], b.read[e.key.text] = e.value.text, true
		}
	}
	// The scaler says its target itself, when it is asked, and whether it is active.
	source.PerTarget = true
	t.from.External, t.metric.Target = source, 1
}

// share begins cpu and memory; shareOf needs the trigger as well.
func (r objectReader) share(a *Autoscaler, t *trigger, b *block) {
	t.metric.Type = "Resource"
	if name, n := b.text("containerName"); n != nil {
		t.metric.Type = "ContainerResource"
		a.note("container %s: a replica of headroom is one process, so the use of that process is compared", name)
	}
}

// shareOf reads the target of cpu and memory. Its type stood in the metadata once (before KEDA 2.18).
func (r objectReader) shareOf(t *trigger, b, metadata *block) {
	const allowed = "must be Utilization or AverageValue"
	kind, n := b.text("metricType")
	if n == nil {
		kind, n = metadata.text("type")
	} else {
		metadata.ignore("type")
	}
	if n == nil {
		b.problem(nil, "metricType", "must be given: Utilization or AverageValue")
		metadata.ignore("value")
		return
	}
	value, at := metadata.quantity("value")
	switch {
	case at == nil:
		metadata.problem(nil, "value", "must be given, such as '60'")
	case value == nil:
	case kind == "Utilization":
		whole, err := strconv.Atoi(at.text)
		if err != nil || whole < 1 || whole > mostTarget {
			metadata.problem(at, "value", "%q: a utilization is a whole number of percent from 1", at.text)
		}
		t.metric.TargetType, t.metric.Target = kind, float64(whole)
	case kind == "AverageValue":
		t.metric.TargetType = kind
		r.asShare(&t.metric, metadata, "value", value, at)
	default:
		b.problem(n, "metricType", "%q: %s", kind, allowed)
	}
}
