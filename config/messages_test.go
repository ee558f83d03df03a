package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// complaint loads a text that must be refused and returns the message, with the directory of the test left out.
func complaint(t *testing.T, text string, env ...string) string {
	t.Helper()
	dir := write(t, map[string]string{"headroom.yaml": text})
	_, err := Loader{Paths: []string{filepath.Join(dir, "headroom.yaml")}, Env: env, WorkingDir: dir}.Load()
	if err == nil {
		t.Fatalf("this was accepted:\n%s", text)
	}
	var all *Error
	if !errors.As(err, &all) || len(all.Problems) == 0 {
		t.Fatalf("not an *Error with problems: %T %v", err, err)
	}
	return strings.ReplaceAll(err.Error(), dir+"/", "")
}

func TestAMessageHasFileLineColumnExcerptNearestNameAndExample(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown fields, all of them": {
			"services:\n  shop:\n    run: ./shop\n    scaling:\n      minReplica: 2\n      max_replicas: 3\n    frobnicate: 1\n",
			`3 problems in the configuration:
headroom.yaml:5:7: services.shop.scaling.minReplica: there is no such field; did you mean "minReplicas"?
  5 |       minReplica: 2
    |       ^^^^^^^^^^
  example: minReplicas: 1
headroom.yaml:6:7: services.shop.scaling.max_replicas: there is no such field; did you mean "maxReplicas"?
  6 |       max_replicas: 3
    |       ^^^^^^^^^^^^
  example: maxReplicas: 10
headroom.yaml:7:5: services.shop.frobnicate: there is no such field; here can be backends, loadBalancing, objective, run, scaling
  7 |     frobnicate: 1
    |     ^^^^^^^^^^`,
		},
		"a field in the wrong block": {
			"services:\n  shop: {run: ./shop, minReplicas: 2}\n",
			`headroom.yaml:2:23: services.shop.minReplicas: there is no such field here; "minReplicas" belongs under "scaling"
  2 |   shop: {run: ./shop, minReplicas: 2}
    |                       ^^^^^^^^^^^
  example: scaling: {minReplicas: 1}`,
		},
		"a misspelled field that must be given is told once": {
			"services: {shop: {run: {comand: ./x}}}\n",
			`headroom.yaml:1:25: services.shop.run.comand: there is no such field; did you mean "command"?
  1 | services: {shop: {run: {comand: ./x}}}
    |                         ^^^^^^
  example: command: ./shop --port {{port}}`,
		},
		"a wrong default of all services is told once": {
			"loadBalancing:\n  sessionAffinity: {type: cooky}\nservices:\n  a: {run: ./a, loadBalancing: {listen: ':1'}}\n  b: {run: ./b, loadBalancing: {listen: ':2'}}\n",
			`headroom.yaml:2:27: loadBalancing.sessionAffinity.type: "cooky": must be one of cookie, header, ip
  2 |   sessionAffinity: {type: cooky}
    |                           ^^^^^
  example: type: cookie`,
		},
		"a long line is cut around the place, in characters and not bytes": {
			"services: {shop: {run: './ääääääääääääääääääääääääääääääääääää', scaling: {minReplicas: zwei, maxReplicas: 10, tolerance: 0.1, stableWindow: 15s}}}\n",
			`headroom.yaml:1:89: services.shop.scaling.minReplicas: must be a whole number, is the text "zwei"
  1 | …ääääääääääääääääääääääää', scaling: {minReplicas: zwei, maxReplicas: 10, tolerance: 0.1, stableWindow: 15s}}}
    |                                                    ^^^^
  example: minReplicas: 1`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, complaint(t, c.text)); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

// Each case is a text and, in order, what the first lines of its problems say.
func TestEveryMistakeHasItsMessage(t *testing.T) {
	for text, want := range map[string][]string{
		// Kinds of values.
		"scaling:\n  minReplicas: two\n  maxReplicas: \"10\"\n  enabled: yes\n  targetCPUUtilization: 70%\n  stableWindow: 30\n  tolerance: [1]\n  policies: {name: x}\n": {
			`2:16: scaling.minReplicas: must be a whole number, is the text "two"`,
			`3:16: scaling.maxReplicas: must be a whole number, is the text "10": write it without quotes`,
			`4:12: scaling.enabled: must be true or false, is the text "yes": write true`,
			`5:25: scaling.targetCPUUtilization: must be a number, is the text "70%": write 70, without the percent sign`,
			`6:17: scaling.stableWindow: "30" is not a duration: write a number with a unit, such as "30s", "5m" or "30d"`,
			`7:14: scaling.tolerance: must be a number, is a list`,
			`8:14: scaling.policies: must be a list, is a block of fields`,
		},
		"scaling: {minReplicas: 2.5, maxReplicas: 010}\n": {
			`1:24: scaling.minReplicas: must be a whole number, is 2.5`,
			`1:42: scaling.maxReplicas: must be a whole number, is the text "010"`,
		},
		"scaling: 3\nservices: [shop]\n": {
			`1:10: scaling: must be a block of fields, is the number 3`,
			`2:11: services: must be a block of names and values, is a list`,
		},
		"scaling: {policies: [3, ~]}\n": {
			`1:22: scaling.policies[0]: must be a block of fields, is the number 3`,
			`1:25: scaling.policies[1]: has no value: give it one or remove the item`,
		},
		"log: {level: }\n": {`1:13: log.level: has no value: give it one or leave the field out`},
		"loadBalancing: {hosts: [a.example, 'b c', 5]}\n": {
			`1:36: loadBalancing.hosts[1]: "b c": must be a host name without port, such as "shop.example.com", or "*.example.com" for all below example.com`,
			`1:43: loadBalancing.hosts[2]: must be text, is the number 5: put it in quotes`,
		},
		"scaling: {tolerance: .inf, panicThreshold: .nan}\n": {
			`1:22: scaling.tolerance: must be a number, is the text ".inf"`,
			`1:44: scaling.panicThreshold: must be a number, is the text ".nan"`,
		},
		"services: {shop: {run: {command: ./x, ports: 8080, cpu: lots, memory: -1}}}\n": {
			`1:46: services.shop.run.ports: "8080" is not a port range: write two ports of 1 to 65535, the lower first, such as "20000-29999"`,
			`1:57: services.shop.run.cpu: "lots" is not a processor share: write cores such as "2" or "0.5", or millicores such as "500m"`,
			`1:71: services.shop.run.memory: "-1" is not a size: write a number with a unit, such as "512MiB" or "2GiB"`,
		},
		"services: {shop: {run: \"./x 'y\"}}\n":            {`1:24: services.shop.run.command: "./x 'y" has a ' that is never closed`},
		"services: {shop: {run: ''}}\n":                    {`1:24: services.shop.run.command: must name a program, such as "./shop --port {{port}}"`},
		"services: {shop: {run: {command: {a: b}}}}\n":     {`1:35: services.shop.run.command: must be one text or a list of words, is a block of fields`},
		"services: {shop: {run: [./x, [y]]}}\n":            {`1:30: services.shop.run.command[1]: must be text, is a list`},
		"scaling: {policies: [{name: a, threshold: 1}]}\n": {`1:23: scaling.policies[0].metric: must be given, such as "cpu"`, `1:23: scaling.policies[0].action: must be one of scale-up, scale-down`},

		// Ranges and choices.
		"scaling: {maxReplicas: 5000, latencyQuantile: 95, stableWindow: 10m}\n": {
			`1:24: scaling.maxReplicas: 5000: must be from 1 to 1000`,
			`1:47: scaling.latencyQuantile: 95: must be from 0.5 to 0.999`,
			`1:65: scaling.stableWindow: "10m": must be from 1s to 5m`,
		},
		"services: {shop: {run: ./x, scaling: {minReplicas: 20, maxReplicas: 3}}}\n": {`1:69: services.shop.scaling.maxReplicas: 3: must be at least minReplicas, which is 20`},
		"services: {shop: {run: ./x, scaling: {minReplicas: 20}}}\n":                 {`1:29: services.shop.scaling.maxReplicas: 10: must be at least minReplicas, which is 20`},
		"scaling: {policies: [{name: a, metric: cpuu, threshold: 1, action: scale-up}, {name: a, metric: disk, threshold: 1, action: up}]}\n": {
			`1:40: scaling.policies[0].metric: "cpuu": did you mean "cpu"? It must be one of cpu, memory, requests-per-second, in-flight, latency, bytes-per-second, errors`,
			`1:86: scaling.policies[1].name: "a": is also the name of scaling.policies[0]: names of policies must differ`,
			`1:97: scaling.policies[1].metric: "disk": must be one of cpu, memory, requests-per-second, in-flight, latency, bytes-per-second, errors`,
			`1:125: scaling.policies[1].action: "up": must be one of scale-up, scale-down`,
		},
		"loadBalancing: {algorithm: least-connection, timeouts: {idle: 0}, healthCheck: {path: health}}\n": {
			`1:28: loadBalancing.algorithm: "least-connection": did you mean "least-connections"? It must be one of round-robin, least-connections, power-of-two, least-response-time, adaptive, ip-hash, header-hash, cookie-hash, query-hash, geographic`,
			`1:63: loadBalancing.timeouts.idle: "0s": must be more than 0, such as "60s"`,
			`1:87: loadBalancing.healthCheck.path: "health": must begin with a slash and hold no spaces, such as "/health"`,
		},
		"state: {dir: '', retention: 0s}\n": {
			`1:14: state.dir: must name a directory, such as ".headroom"`,
			`1:29: state.retention: "0s": must be more than 0, such as "30d"`,
		},
		"monitoring: {alerts: [{name: a, expr: up}, {name: a, expr: ''}], maxSize: big}\n": {
			`1:51: monitoring.alerts[1].name: "a": is also the name of monitoring.alerts[0]: names of alert rules must differ`,
			`1:60: monitoring.alerts[1].expr: must be given, such as "headroom_requests_in_flight > 100"`,
			`1:75: monitoring.maxSize: "big" is not a size: write a number with a unit, such as "512MiB" or "2GiB"`,
		},

		// Services.
		"services: {shop: }\n": {`1:12: services.shop: needs "run", a command of which replicas are started, or "backends", a list of addresses, or both; such as: run: ./shop --port {{port}}`},
		"services: {Shop_1: {run: ./x}}\n": {
			`1:12: services.Shop_1: "Shop_1": must be a name of 1 to 63 lower-case letters, digits and dashes that begins and ends with a letter or digit, such as "shop"`,
		},
		"services: {shop: {backends: [{address: a}, {weight: 2000}, {address: 'b:1'}, {address: 'b:1'}, {address: 'http://c:1'}, {address: ':5'}]}}\n": {
			`1:40: services.shop.backends[0].address: "a": must have a port; write host:port, such as "127.0.0.1:9001"`,
			`1:45: services.shop.backends[1].address: must be given`,
			`1:53: services.shop.backends[1].weight: 2000: must be from 0 to 1000`,
			`1:88: services.shop.backends[3].address: "b:1": is also the address of services.shop.backends[2]: give it once, with a weight`,
			`1:106: services.shop.backends[4].address: "http://c:1": must be an address without scheme; write host:port, such as "127.0.0.1:9001"`,
			`1:131: services.shop.backends[5].address: ":5": must have a host; write host:port, such as "127.0.0.1:9001"`,
		},
		"services: {shop: {backends: [{address: '127.0.0.1:8080'}]}}\n": {
			`1:40: services.shop.backends[0].address: "127.0.0.1:8080": is where this service itself listens: its requests would go round in a circle`,
		},
		"services: {shop: {backends: [{address: 'a:1'}], scaling: {minReplicas: 2}}}\n": {
			`1:49: services.shop.scaling: this service has "backends", which someone else runs, so it cannot be scaled: remove "scaling", or give it "run" instead of "backends"`,
		},
		"services: {shop: {run: {command: ./x, ports: 1-5}}}\n": {
			`1:46: services.shop.run.ports: "1-5": has 5 ports, fewer than maxReplicas, which is 10: give a larger range, such as "20000-29999"`,
		},
		"load: {service: shp, shape: '', path: x}\nservices: {shop: {run: ./x}}\n": {
			`1:17: load.service: "shp": is not a service here; did you mean "shop"? There is: shop`,
			`1:29: load.shape: must be given, such as "60s@40,60s@200,60s@40": seconds at so many requests per second`,
			`1:39: load.path: "x": must begin with a slash, such as "/"`,
		},

		// Listeners.
		"services: {a: {run: ./a}, b: {run: ./b}}\n": {
			`1:27: services.b.loadBalancing.listen: "127.0.0.1:8080": services a and b both listen there and neither has hosts: give each its own address, such as "127.0.0.1:8081", or its own hosts`,
		},
		"services: {a: {run: ./a, loadBalancing: {hosts: [x.example]}}, b: {run: ./b, loadBalancing: {hosts: [y.example, X.example]}}}\n": {
			`1:78: services.b.loadBalancing.listen: "127.0.0.1:8080": services a and b both listen there and cannot be told apart by host "x.example": give each its own address, such as "127.0.0.1:8081", or its own hosts`,
		},
		"services:\n  a: {run: ./a, loadBalancing: {listen: '127.0.0.1:7070'}}\n  b: {run: ./b, loadBalancing: {listen: '0.0.0.0:9000'}}\n  c: {run: ./c, loadBalancing: {listen: '127.0.0.1:9000'}}\n": {
			`2:41: services.a.loadBalancing.listen: "127.0.0.1:7070": is also where the API listens (api.listen is "127.0.0.1:7070"): give one of them another port`,
			`4:41: services.c.loadBalancing.listen: "127.0.0.1:9000": is in the way of services.b.loadBalancing.listen, which is "0.0.0.0:9000": give one of them another port`,
		},
		"api: {listen: ':99999'}\nloadBalancing: {listen: nowhere}\n": {
			`1:15: api.listen: ":99999": must have a port of 0 to 65535; write host:port, such as "127.0.0.1:8080"`,
			`2:25: loadBalancing.listen: "nowhere": must have a port; write host:port, such as "127.0.0.1:8080"`,
		},
		"api: {listen: '::1:80'}\n": {`1:15: api.listen: "::1:80": must have an IPv6 address in brackets, [::1]:8080; write host:port, such as "127.0.0.1:8080"`},

		// What is done with traffic.
		"services: {shop: {run: ./x, loadBalancing: {tls: {certificates: [{certificate: a.pem}], clients: {mode: required}}}}}\n": {
			`1:67: services.shop.loadBalancing.tls.certificates[0].key: must be given`,
			`1:89: services.shop.loadBalancing.tls.clients.ca: must be given where clients.mode is required: the PEM file of the authorities that clients' certificates are verified with, such as "clients-ca.pem"`,
		},
		"services: {shop: {run: ./x, loadBalancing: {tls: {acme: {enabled: true}}}}}\n": {
			`1:29: services.shop.loadBalancing.hosts: must be given where tls.acme is enabled: the names to obtain certificates for, such as hosts: [shop.example.com]`,
		},
		"loadBalancing: {responseHeaders: {set: {X-A: \"a\\nb\", Connection: close}, remove: ['Date:']}, trustedProxies: [lb]}\n": {
			`1:41: loadBalancing.responseHeaders.set.X-A: "a\nb": must hold no control characters, has '\n'`,
			`1:54: loadBalancing.responseHeaders.set.Connection: "Connection": belongs to the connection or to how messages are told apart, which headroom writes itself: it cannot be edited`,
			`1:83: loadBalancing.responseHeaders.remove[0]: "Date:": must be the name of a header field without colon, such as "X-Frame-Options"`,
			`1:111: loadBalancing.trustedProxies[0]: "lb": must be an address or a network, such as "10.0.0.0/8" or "::1"`,
		},
		"loadBalancing: {routes: [{path: api}, {path: /a, redirect: {to: b, status: 305}}, {path: /a, rewrit: /c}], errorPages: {200: x}}\n": {
			`1:33: loadBalancing.routes[0].path: "api": must begin with a slash, such as "/api/"`,
			`1:65: loadBalancing.routes[1].redirect.to: "b": must be a path that begins with one slash, or an http or https URL, such as "/new/" or "https://{host}{path}"`,
			`1:76: loadBalancing.routes[1].redirect.status: 305: must be one of 301, 302, 303, 307, 308`,
			`1:90: loadBalancing.routes[2].path: "/a": is also the path of loadBalancing.routes[1]: give one route for it`,
			`1:94: loadBalancing.routes[2].rewrit: there is no such field; did you mean "rewrite"?`,
			`1:121: loadBalancing.errorPages.200: "200": must be 4xx, 5xx or one of the statuses that headroom answers with itself: 400, 404, 408, 413, 414, 417, 421, 431, 500, 501, 502, 503, 504, 505`,
		},
		"loadBalancing: {compression: {algorithms: [brotli]}, limits: {header: 1KiB}, protocol: udp}\n": {
			`1:44: loadBalancing.compression.algorithms[0]: "brotli": must be one of zstd, br, gzip`,
			`1:71: loadBalancing.limits.header: "1KiB": must be from 4KiB to 1MiB, such as "64KiB"`,
			`1:88: loadBalancing.protocol: "udp": must be one of http, tcp`,
		},
		"loadBalancing: {serverTiming: true}\nservices: {mail: {backends: [{address: 'a:25'}], loadBalancing: {protocol: tcp, compression: {enabled: true}}}}\n": {
			`2:104: services.mail.loadBalancing.compression.enabled: true: has no effect where protocol is tcp, which passes bytes through unread: remove it, or set protocol to http`,
		},
		"services:\n  a: {run: ./a, loadBalancing: {hosts: [a.example]}}\n  b: {run: ./b, loadBalancing: {hosts: [b.example], proxyProtocol: {accept: true}}}\n": {
			`3:77: services.b.loadBalancing.proxyProtocol.accept: true: services a and b share the listener "127.0.0.1:8080", where it must be the same: it is false in a`,
		},
		"services:\n  a: {run: ./a, loadBalancing: {hosts: [a.example]}}\n  b: {run: ./b, loadBalancing: {protocol: tcp}}\n": {
			`3:17: services.b.loadBalancing.listen: "127.0.0.1:8080": services a and b both listen there, and tcp connections name no host to tell them apart by: give each its own address, such as "127.0.0.1:8081"`,
		},

		// Variables and secrets.
		"log:\n  level: ${NOPE}\n  format: \"a${b\"\n": {
			`2:10: log.level: the variable NOPE is not set, neither in the environment nor in .env; a default is written ${NOPE:-default}`,
			`3:13: log.format: "${b" has no closing brace: write ${NAME}, or $${ where a dollar sign and a brace are meant`,
		},
		"log:\n  level: 'x ${HOM}'\n": {`2:13: log.level: the variable HOM is not set, neither in the environment nor in .env; did you mean ${HOME}?; a default is written ${HOM:-default}`},
		"log:\n  level: '${a b}'\n":   {`2:11: log.level: ${a b} does not name a variable: write ${NAME} or ${NAME:-default}, or $${ where a dollar sign and a brace are meant`},
		"api: {token: 'file:nope'}\n": {`1:14: api.token: the secret cannot be read: open nope: no such file or directory`},

		// The text itself.
		"":                    {`1:1: is empty: it must have at least one field`},
		"# nothing\n---\n":    {`1:1: is empty: it must have at least one field`},
		"- a\n":               {`1:1: must be fields such as "services:", is a list`},
		"just text\n":         {`1:1: must be fields such as "services:", is the text "just text"`},
		"a: b: c\n":           {`1:4: is not valid YAML: mapping value is not allowed in this context: a text that has ": " in it must be in quotes`},
		"\tlog: {}\n":         {`1:1: is not valid YAML: tab character cannot use as a map key directly: indent with spaces`},
		"log: {level: debug":  {`1:6: is not valid YAML: could not find flow mapping end token '}': a bracket or brace is never closed`},
		"log:\n  level: 'abc": {`2:10: is not valid YAML: could not find end character of single-quoted text: a quote is never closed`},
		"log: {}\n\x00":       {`2:1: has the control character U+0000, which no text has`},
		"log: \xff\n":         {`1:1: is not UTF-8 text`},
		"log: {level: debug, level: info}\nlog: {}\n": {
			`1:21: "level" is given twice in one block, first in line 1: keep one`,
			`2:1: "log" is given twice in one block, first in line 1: keep one`,
		},
		"log: *b\n":             {`1:6: there is no anchor &b before this alias; a text that begins with * must be in quotes`},
		"log: &a {level: *a}\n": {`1:17: the anchor &a would contain itself`},
		"log: !foo {}\n":        {`1:6: the tag !foo has no meaning here: leave it out`},
		"log: {<<: 3}\n":        {`1:7: << needs an alias of a block of fields: <<: *name`},

		strings.Repeat("[", 100):                   {`1:65: is nested deeper than 64 levels`},
		"log: " + strings.Repeat("- ", 1000) + "x": {`1:132: is nested deeper than 64 levels`},
		strings.Repeat(" ", maxSize+1):             {`1:1: is 1048577 bytes: a config file may have at most 1048576`},
		"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n": {
			`a: there is no such field`, `has more than 100000 values once aliases (*name) are followed`,
		},
	} {
		name := text
		if len(name) > 60 {
			name = name[:60]
		}
		t.Run(name, func(t *testing.T) {
			got := complaint(t, text, "HOME=/home/x")
			var heads []string
			for line := range strings.SplitSeq(got, "\n") {
				if strings.HasPrefix(line, "headroom.yaml:") {
					heads = append(heads, strings.TrimPrefix(line, "headroom.yaml:"))
				}
			}
			if strings.HasPrefix(text, "a: &a [x") {
				for _, part := range want {
					if !strings.Contains(got, part) {
						t.Errorf("lacks %q:\n%s", part, got)
					}
				}
				return
			}
			if diff := cmp.Diff(want, heads); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMistakesInVariablesNameTheVariable(t *testing.T) {
	dir := write(t, map[string]string{
		"headroom.yaml": "services: {shop: {run: ./x}, shop-run: {run: ./y, loadBalancing: {listen: ':8081'}}}\n",
		".env":          "# comment\nHEADROOM_LOG_FORMAT=xml\nHEADROOM_MONITORING_ALERTS='[{name: x, exp: y}]'\nnot a variable\nX='open\n",
	})
	_, err := Loader{Paths: []string{filepath.Join(dir, "headroom.yaml")}, WorkingDir: dir, Env: []string{
		"HEADROOM_SCALING_MIN_REPLICAS=two", "HEADROOM_SCALING_POLICIES=[{name: x]", "HEADROOM_LOG_LEVEL=loud",
		"HEADROOM_SERVICES_SHOP_RUN=./z", "HEADROOM_LOAD_BALANCING=[1]",
	}}.Load()
	if err == nil {
		t.Fatal("accepted")
	}
	got := strings.ReplaceAll(err.Error(), dir+"/", "")
	for _, want := range []string{
		`environment variable HEADROOM_SCALING_MIN_REPLICAS: scaling.minReplicas: must be a whole number, is the text "two"` + "\n  example: minReplicas: 1",
		`environment variable HEADROOM_SCALING_POLICIES: is not valid YAML:`,
		`environment variable HEADROOM_LOG_LEVEL: log.level: "loud": must be one of debug, info, warn, error`,
		`environment variable HEADROOM_LOAD_BALANCING: loadBalancing: must be a block of fields, is a list`,
		`environment variable HEADROOM_SERVICES_SHOP_RUN: can mean services.shop.run as well as services.shop-run: set one of them in the file instead`,
		`.env:2: variable HEADROOM_LOG_FORMAT: log.format: "xml": must be one of auto, text, json`,
		`.env:3: variable HEADROOM_MONITORING_ALERTS: monitoring.alerts[0].exp: there is no such field; did you mean "expr"?`,
		`.env:4:1: is not a variable: write NAME=value`,
		`.env:5:1: the value of X has a quote that is never closed`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}

func TestMessagesNeverShowSecrets(t *testing.T) {
	for _, text := range []string{
		`{"api":{"token":"hunter2","listne":"x"}}`,
		"api: {token: [hunter2], listne: x}\n",
		"api: {token: {a: hunter2}}\n",
		"api: {token: 'hunter2${', listne: x}\n",
		"services: {shop: {run: {command: ./x, environment: {PW: hunter2}, usr: x}}}\n",
		"services: {shop: {run: {command: ./x, environment: hunter2}}}\n",
		"api:\n  token: 'hunter2\n",
	} {
		if got := complaint(t, text); strings.Contains(got, "hunter2") {
			t.Errorf("the secret is shown:\n%s", got)
		}
	}
}

func TestAFileThatCannotBeReadIsNamed(t *testing.T) {
	dir := t.TempDir()
	_, err := load(filepath.Join(dir, "none.yaml"), nil)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "read config file "+filepath.Join(dir, "none.yaml")) {
		t.Errorf("got %v", err)
	}
	_, err = load(dir, nil)
	if err == nil || !strings.Contains(err.Error(), "is a directory: name a file in it") {
		t.Errorf("got %v", err)
	}
}

func TestMistakesInHowAServiceScalesAreNamed(t *testing.T) {
	for scaling, want := range map[string]string{
		"schedule: [{name: a, from: '0 8 * * *', until: '0 18 * * *'}]":                                 `scaling.schedule[0].minReplicas: minReplicas or maxReplicas must be given, else the window changes nothing`,
		"schedule: [{name: a, from: '0 8 * * *', until: '0 18 * * *', minReplicas: 5, maxReplicas: 3}]": `scaling.schedule[0].maxReplicas: 3: must be at least minReplicas of the same window, which is 5`,
		"schedule: [{from: '0 8 * * *', until: '0 18 * * *', minReplicas: 5}]":                          `scaling.schedule[0].name: must be given`,
		"combine: maximum":     `scaling.combine: "maximum": must be one of max, min, all, weighted, first`,
		"pause: left":          `scaling.pause: "left": must be one of none, up, down, both`,
		"activation: {que: 5}": `scaling.activation: "que": must be one of cpu, memory, requests-per-second, in-flight, latency`,
		"behavior: {scaleUp: {stabilizationWindow: 2h}}":                                                          `scaling.behavior.scaleUp.stabilizationWindow: "2h": must be from 0s to 1h`,
		"behavior: {scaleUp: {policies: [{type: pods, value: 1, period: 1m}]}}":                                   `scaling.behavior.scaleUp.policies[0].type: "pods": must be one of replicas, percent`,
		"signals: {cpu: {command: {run: ./x}}}":                                                                   `scaling.signals.cpu: cpu is a built-in metric: choose another name`,
		"signals: {lag: {}}":                                                                                      `scaling.signals.lag: must say where it comes from, with one of promql, http, command, external, pushed, cron`,
		"policies: [{name: a}]":                                                                                   `scaling.policies[0].metric: must be given for a threshold, such as "cpu", or one of target, steps, schedule, concurrency, rule, formula, kubernetes instead`,
		"policies: [{name: a, target: {metric: cpu}}]":                                                            `scaling.policies[0].target.averageValue: exactly one of utilization, averageValue and value must be given and more than 0, and there are 0`,
		"policies: [{name: a, target: {metric: latency, averageValue: 5}}]":                                       `scaling.policies[0].target.averageValue: latency does not add up over replicas: use value`,
		"policies: [{name: a, target: {metric: in-flight, utilization: 5}}]":                                      `scaling.policies[0].target.utilization: 5: is for cpu and memory: in-flight has no limit that it could be a share of; use averageValue or value`,
		"policies: [{name: a, steps: {metric: cpu, steps: [{add: 1}]}}]":                                          `scaling.policies[0].steps.steps[0].from: from or until must be given, else the step would always be taken`,
		"policies: [{name: a, steps: {metric: cpu, steps: [{from: 10, add: 1}, {from: 50, until: 60, add: 2}]}}]": `scaling.policies[0].steps.steps[1].from: 50: lies in the band of steps[0], which has no until: bands must not overlap`,
		"policies: [{name: a, metric: cpu, threshold: 7, action: scale-up, target: {metric: cpu, value: 7}}]":     `scaling.policies[0].target: a policy is of one kind, and this one has threshold and target: make a policy of each`,
	} {
		got := complaint(t, "services: {shop: {run: ./shop}}\nscaling: {"+scaling+"}\n")
		if !strings.Contains(got, want) {
			t.Errorf("%s\ngot  %s\nwant %s", scaling, got, want)
		}
	}
}
