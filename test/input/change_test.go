package input

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	s, _ := startTwo(t)
	undisturbed(t, s, func() {
		for _, c := range []struct {
			method, path, body string
			status             int
		}{
			{"POST", "/api/scaling/scale", `{"service":"shop","replicas":4}`, 202},
			{"POST", "/api/scaling/policies", `{"service":"shop","name":"p","metric":"cpu","threshold":1,"action":"scale-up"}`, 201},
			{"POST", "/api/balancer/backends", `{"service":"shop","address":"127.0.0.1:1"}`, 201},
			{"PUT", "/api/balancer/backends/shop-1", `{"state":"draining"}`, 200},
			{"PUT", "/api/balancer/splits/shop", `{"variants":[{"service":"shop","weight":1}]}`, 200},
			{"PUT", "/api/balancer/routes/shop", `{"routes":[{"path":"/a","redirect":{"to":"/b"}}]}`, 200},
			{"POST", "/api/monitor/alerts", `{"name":"x","expr":"vector(1)"}`, 201},
			{"POST", "/api/stop", "", 202},
		} {
			if a := send(t, s, c.method, c.path+"?dryRun=true", c.body); a.status != c.status {
				t.Errorf("%s %s: %d, expected %d: %s", c.method, c.path, a.status, c.status, a.body)
			}
		}
		// A decision comes each second: two of them would have acted on what was only tried.
		awaitDecisions(t, s, 2)
		policies := decoded[struct{ Policies []headroom.Policy }](t, string(send(t, s, "GET", "/api/scaling/policies", "").body))
		backends := decoded[struct{ Backends []headroom.Backend }](t, string(send(t, s, "GET", "/api/balancer/backends", "").body))
		if len(policies.Policies) != 0 || len(backends.Backends) != 2 {
			t.Errorf("policies %v, backends %v", policies.Policies, backends.Backends)
		}
		for _, path := range []string{"/api/balancer/splits/shop", "/api/balancer/routes/shop"} {
			if now := string(send(t, s, "GET", path, "").body); !strings.Contains(now, `"source":"config"`) {
				t.Errorf("%s is %s", path, now)
			}
		}
		for _, backend := range backends.Backends {
			if backend.State != headroom.BackendActive {
				t.Errorf("%s is %s", backend.ID, backend.State)
			}
		}
		if rules := string(send(t, s, "GET", "/api/monitor/alerts", "").body); strings.Contains(rules, "vector(1)") {
			t.Errorf("alert rules %s", rules)
		}
		s.WaitReplicas("shop", 2, time.Second)
	})
}

func TestWrongSplitsAndRoutesAreRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	s, _ := startTwo(t)
	undisturbed(t, s, func() {
		for _, c := range []struct{ path, body, want string }{
			{"splits/shop", `{"variants":[{"service":"shpo","weight":1}]}`, `did you mean "shop"?`},
			{"splits/shop", `{"variants":[{"service":"shop","weight":0}]}`, "nobody would get a request"},
			{"splits/shop", `{"weights":{"shop":-1}}`, "weight"},
			{"splits/shop", `{"by":"client","weights":{"shop":1}}`, "given beside weights"},
			{"splits/shop", `{"wieghts":{"shop":1}}`, "wieghts"},
			{"splits/shpo", `{"weights":{"shop":1}}`, "there is no service"},
			{"routes/shop", `{"routes":[{"path":"a"}]}`, "must begin with a slash"},
			{"routes/shop", `{"routes":[{"path":"/a"},{"path":"/a"}]}`, "routes[0]"},
			{"routes/shop", `{"routes":[{"regexp":"("}]}`, "regexp"},
			{"routes/shop", `{}`, "must be given"},
		} {
			send(t, s, http.MethodPut, "/api/balancer/"+c.path, c.body).refused(t, c.path+" "+c.body, c.want)
		}
		send(t, s, http.MethodPut, "/api/balancer/splits/shop", `{"weights":{"shop":1}}`, "If-Match", `"0000"`).refused(t, "an old version", "has changed meanwhile")
		send(t, s, http.MethodDelete, "/api/balancer/splits/shop", "").refused(t, "nothing to take back", "as the config file says")
	})
}

func TestARepeatedChangeIsMadeOnceAlsoOverAKillAndIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	s, first := startTwo(t)
	const body = `{"service":"shop","address":"127.0.0.1:1","weight":0}`
	var again answer
	made := send(t, s, http.MethodPost, "/api/balancer/backends", body, "Idempotency-Key", "order-1")
	if made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.body)
	}
	// Without the key the same request is a conflict, so an equal answer is a replay and not a second change.
	send(t, s, http.MethodPost, "/api/balancer/backends", body).refused(t, "the same backend again", "has the backend 127.0.0.1:1 already")
	first.Kill()
	s.Run()
	again = send(t, s, http.MethodPost, "/api/balancer/backends", body, "Idempotency-Key", "order-1")
	if again.status != made.status || string(again.body) != string(made.body) || again.header.Get("Location") != made.header.Get("Location") {
		t.Errorf("first %d %s, after the restart %d %s", made.status, made.body, again.status, again.body)
	}
	if again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the answer is not declared as a replay: %v", again.header)
	}
	other := send(t, s, http.MethodPost, "/api/balancer/backends", strings.Replace(body, "127.0.0.1:1", "127.0.0.1:2", 1), "Idempotency-Key", "order-1")
	other.refused(t, "another change with the same key", "key")

	backend := decoded[headroom.Backend](t, string(made.body))
	list := decoded[struct{ Backends []headroom.Backend }](t, string(send(t, s, "GET", "/api/balancer/backends", "").body))
	found := 0
	for _, one := range list.Backends {
		if one.ID == backend.ID && one.Source == headroom.SourceAPI {
			found++
		}
	}
	if found != 1 {
		t.Errorf("the backend is there %d times: %v", found, list.Backends)
	}

	audit := decoded[struct{ Records []headroom.AuditRecord }](t, string(send(t, s, "GET", "/api/audit", "").body))
	var done, refused int
	for _, record := range audit.Records {
		if record.Actor != "local" || record.RequestID == "" {
			t.Errorf("audit record %+v", record)
		}
		switch {
		case record.Outcome == "done" && record.Verb == "add-backend" && record.Object == "backend/"+backend.ID:
			done++
		case strings.HasPrefix(record.Outcome, "refused: "):
			refused++
		}
	}
	if done != 1 || refused != 2 {
		t.Errorf("the audit log has %d changes made and %d refused, expected 1 and 2: %+v", done, refused, audit.Records)
	}
}
