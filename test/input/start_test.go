package input

import (
	"fmt"
	"strings"
	"testing"

	"headroom.dev/headroom/test/system"
)

// wrongConfigs are changes of twoReplicas that must be refused, and what the message must say beside the place, which is
// that of mark.
var wrongConfigs = map[string]struct{ old, new, mark, says string }{
	"a wrong field": {
		"minReplicas: 2", "minReplica: 2", "minReplica: 2",
		`services.shop.scaling.minReplica: there is no such field; did you mean "minReplicas"?`},
	"a field in the wrong block": {
		"    scaling:\n", "    maxReplicas: 4\n    scaling:\n", "maxReplicas: 4",
		`services.shop.maxReplicas: there is no such field here; "maxReplicas" belongs under "scaling"`},
	"a wrong type": {
		"maxReplicas: 4", "maxReplicas: many", "many",
		`services.shop.scaling.maxReplicas: must be a whole number, is the text "many"`},
	"max below min": {
		"maxReplicas: 4", "maxReplicas: 1", "1\n      target",
		`services.shop.scaling.maxReplicas: 1: must be at least minReplicas, which is 2`},
	"a policy on a metric that there is not": {
		"      minReplicas: 2\n", "      policies: [{name: p, metric: cpuu, threshold: 70, action: scale-up}]\n      minReplicas: 2\n", "cpuu",
		`services.shop.scaling.policies[0].metric: "cpuu": did you mean "cpu"?`},
	"two services on one listener": {
		"services:\n", "services:\n  other:\n    backends: [{address: 127.0.0.1:1}]\n    loadBalancing: {listen: TRAFFIC}\n", "",
		"services other and shop both listen there and neither has hosts"},
	"session affinity": {
		"      listen: TRAFFIC\n", "      listen: TRAFFIC\n      sessionAffinity: {enabled: true, type: header}\n", "",
		`services.shop.loadBalancing.sessionAffinity.header: must be given where type is header, such as "X-User"`},
	"no YAML at all": {
		"services:\n", "services: {\n", "",
		"is not valid YAML"},
}

func TestAWrongConfigIsRefusedAtTheStartWithThePlaceAndTheNearestName(t *testing.T) {
	for name, c := range wrongConfigs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := strings.Replace(twoReplicas, c.old, c.new, 1)
			s := system.New(t, config)
			says := []string{c.says, s.ConfigFile() + ":"}
			if c.mark != "" {
				says = append(says, fmt.Sprintf("%s:%s: ", s.ConfigFile(), position(config, c.mark)))
			}
			refuses(t, s, []string{"run"}, says...)
		})
	}
}

// position is "LINE:COLUMN" of the first occurrence of a text.
func position(text, mark string) string {
	before, _, _ := strings.Cut(text, mark)
	return fmt.Sprintf("%d:%d", strings.Count(before, "\n")+1, len(before)-strings.LastIndexByte(before, '\n'))
}

func TestAConfigWithoutServicesIsRefusedWithAnExample(t *testing.T) {
	t.Parallel()
	s := system.New(t, "api:\n  listen: API\n")
	refuses(t, s, []string{"run"}, "has no services", "services: {shop: {run:")
}

func TestAConfigFileThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	s := system.New(t, twoReplicas)
	refuses(t, s, []string{"run", "-c", "nowhere.yaml"}, "nowhere.yaml", "no such file")
}
