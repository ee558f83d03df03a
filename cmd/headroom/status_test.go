package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

const statusTable = `SERVICE  READY  WANTED  RANGE  REQUESTS/S  IN FLIGHT  FAILED/S   P50    P95  CPU  MEMORY  LAST CHANGE
legacy       1       -      -           ?          ?         ?     ?      ?    -       -  -
shop       2+3       5   2-10        41.0          3       0.5  12ms  250ms  91%       ?  2 to 5, 4m ago

shop: cpu is at 91 % of the 70 % aimed at
shop: starting shop-3, shop-4, shop-5 for 2s (sent)
shop: shop-6 exits at once: exit status 1
`

func TestStatusShowsEachServiceInALine(t *testing.T) {
	api := newFakeAPI(t)
	r := cli{environment: api.environment()}.run(t, "status")
	if r.code != 0 || r.out != statusTable {
		t.Errorf("exit code %d, errors %q, status\n%s\nwant\n%s", r.code, r.errOut, r.out, statusTable)
	}
}

func TestStatusOfAServiceShowsItsSignalsAndReplicas(t *testing.T) {
	api := newFakeAPI(t)
	r := cli{environment: api.environment()}.run(t, "status", "shop")
	want := `
SIGNAL  LAST SECOND  15s MEAN  TARGET  NOTE
cpu           91.3%     91.3%     70%  -
memory            ?         ?       -  no replica has been measured yet

REPLICA  STATE     ADDRESS           PID  AGE  DETAIL
shop-1   ready     127.0.0.1:20001  4711   3h  adopted
shop-2   starting  127.0.0.1:20002     -   2s  connection refused
`
	if r.code != 0 || !strings.HasSuffix(r.out, want) {
		t.Errorf("exit code %d, errors %q, status\n%s\nwant at its end\n%s", r.code, r.errOut, r.out, want)
	}
	if strings.Contains(r.out, "legacy") {
		t.Error("the status of shop shows legacy as well")
	}
}

func TestStatusInJSONIsWhatTheAPIAnswers(t *testing.T) {
	api := newFakeAPI(t)
	r := cli{environment: api.environment()}.run(t, "status", "-o", "json")
	want, err := json.MarshalIndent(map[string]any{"services": testServices()}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if r.out != string(want)+"\n" {
		t.Errorf("JSON is\n%s\nwant\n%s", r.out, want)
	}
}

func TestStatusIsColoredOnATerminalOnly(t *testing.T) {
	api := newFakeAPI(t)
	if r := (cli{environment: api.environment()}).run(t, "status"); strings.Contains(r.out, "\x1b") {
		t.Error("there is color without a terminal")
	}
	if r := (cli{environment: api.environment(), terminal: true}).run(t, "status"); !strings.Contains(r.out, "\x1b[33m2+3\x1b[0m") {
		t.Errorf("fewer ready than wanted is not yellow: %q", r.out)
	}
}

func TestStatusListsReplicasByTheirNumbers(t *testing.T) {
	service := headroom.ServiceStatus{Name: "shop", LastChange: &headroom.Decision{Reason: "shop uses much."}}
	for _, name := range []string{"shop-10", "shop-9", "shop-2"} {
		service.Replicas = append(service.Replicas, headroom.Replica{Name: name, CreatedAt: testNow})
	}
	var b strings.Builder
	if err := (statusView{now: testNow, services: []headroom.ServiceStatus{service}}).writeOne(&b); err != nil {
		t.Fatal(err)
	}
	second, ninth, tenth := strings.Index(b.String(), "shop-2 "), strings.Index(b.String(), "shop-9 "), strings.Index(b.String(), "shop-10 ")
	if second < 0 || second > ninth || ninth > tenth {
		t.Errorf("replicas are not in the order of their numbers:\n%s", b.String())
	}
	if !strings.Contains(b.String(), "\nshop uses much.\n") {
		t.Errorf("a reason that names the service gets the name before it again:\n%s", b.String())
	}
}

func TestStatusComparesShadowsWithWhatIsDecided(t *testing.T) {
	service := headroom.ServiceStatus{Name: "shop", Scaling: headroom.Scaling{Enabled: true}, Shadows: []headroom.ShadowComparison{
		{Policy: "ahead", Live: 4, Wants: new(6), Since: testNow.Add(-10 * time.Minute), Compared: headroom.Duration(time.Hour),
			Differed: headroom.Duration(12*time.Minute + 300*time.Millisecond), MoreReplicaHours: 0.4, FewerReplicaHours: 0.125},
		{Policy: "quiet", Live: 4},
	}}
	v := statusView{now: testNow, services: []headroom.ServiceStatus{service}, balancer: headroom.BalancerStatus{Connected: true}}
	var b strings.Builder
	if err := v.writeOne(&b); err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(b.String(), "\n\n")
	want := `shop: the shadow ahead would want 6 replicas, and has for 10m

SHADOW     WANTS  LIVE  FOR  COMPARED  DIFFERED  REPLICA-HOURS
ahead          6     4  10m        1h       12m    +0.40 -0.12
quiet   abstains     4    -        0s        0s    +0.00 -0.00
`
	if shown != want {
		t.Errorf("status is\n%s\nwant at its end\n%s", shown, want)
	}
}

func TestStatusSaysWhatCannotBeKnown(t *testing.T) {
	v := statusView{now: testNow, services: []headroom.ServiceStatus{{Name: "shop", Kind: "run", DesiredReplicas: 2, MinReplicas: 1, MaxReplicas: 4}}}
	var b strings.Builder
	if err := v.writeAll(&b); err != nil {
		t.Fatal(err)
	}
	want := `SERVICE  READY  WANTED  RANGE  REQUESTS/S  IN FLIGHT  FAILED/S  P50  P95  CPU  MEMORY  LAST CHANGE
shop         ?       2    1-4           ?          ?         ?    ?    ?    ?       ?  -

balancer: has not reported within three seconds; its traffic is not known
shop: scaling is switched off
`
	if b.String() != want {
		t.Errorf("status is\n%s\nwant\n%s", b.String(), want)
	}
}

func TestStatusTellsOfCertificatesThatAreInTrouble(t *testing.T) {
	v := statusView{now: testNow, services: []headroom.ServiceStatus{{Name: "shop", Kind: "backends"}}, balancer: headroom.BalancerStatus{
		Connected: true, Certificates: []headroom.CertificateStatus{
			{Names: []string{"a.example", "b.example"}, File: "a.pem", Error: "a.pem: there is no such file"}, {Names: []string{"c.example"}, File: "c.pem"},
		},
	}}
	var b strings.Builder
	if err := v.writeAll(&b); err != nil {
		t.Fatal(err)
	}
	if _, notes, _ := strings.Cut(b.String(), "\n\n"); notes != "certificate: a.example, b.example: a.pem: there is no such file\n" {
		t.Errorf("status is\n%s", b.String())
	}
}

func TestWatchAppendsWhereThereIsNoTerminal(t *testing.T) {
	api := newFakeAPI(t)
	twice := func(nth int) bool { return nth < 2 }
	r := cli{environment: api.environment(), onTick: twice}.run(t, "status", "--watch")
	if r.code != 0 || r.out != statusTable+statusTable {
		t.Errorf("exit code %d, errors %q, two looks are\n%s", r.code, r.errOut, r.out)
	}
	r = cli{environment: api.environment(), onTick: twice}.run(t, "status", "--watch", "-o", "json")
	if lines := strings.Count(r.out, "\n"); lines != 2 {
		t.Errorf("two looks in JSON are %d lines, want 2", lines)
	}
}

func TestWatchRedrawsInPlaceOnATerminal(t *testing.T) {
	api := newFakeAPI(t)
	r := cli{environment: api.environment(), terminal: true, onTick: func(nth int) bool { return nth < 2 }}.run(t, "status", "--watch", "--no-color")
	if strings.Count(r.out, "\x1b[H\x1b[2J") != 1 || strings.Count(r.out, "\x1b[H12:00:00, each second") != 2 {
		t.Errorf("want one clearing and two drawings from the top: %q", r.out)
	}
}

func TestWatchSurvivesARestartOfHeadroom(t *testing.T) {
	api := newFakeAPI(t)
	away := func(nth int) bool {
		api.mu.Lock()
		api.gone = nth == 1
		api.mu.Unlock()
		return nth < 3
	}
	r := cli{environment: api.environment(), onTick: away}.run(t, "status", "--watch")
	if r.code != 0 || r.out != statusTable+statusTable || strings.Count(r.errOut, "headroom: ") != 1 {
		t.Errorf("exit code %d, errors %q; want one error between two looks:\n%s", r.code, r.errOut, r.out)
	}
}
