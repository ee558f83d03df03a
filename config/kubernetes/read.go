package kubernetes

import (
	"fmt"
	"strings"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// Reader reads autoscalers for a service of which something is known. Its zero value knows nothing, which is enough for utilizations and for
// KEDA's triggers. It is not changed by reading, and safe for concurrent use.
type Reader struct {
	// Signals by name are what Pods, Object and External metrics of that name mean: Kubernetes asks a metrics server of its own for them.
	Signals map[headroom.Metric]headroom.SignalFrom
	// CPU and Memory of one replica (run.cpu and run.memory): Headroom measures percent of these, so targets in processors and bytes need them. 0 is not known.
	CPU    headroom.CPU
	Memory headroom.Bytes
}

// File is what there is in a file.
type File struct {
	Autoscalers []Autoscaler // in the order of the file
	Others      []string     // what is no autoscaler, such as "Deployment shop"
}

// Autoscaler is one that was read.
type Autoscaler struct {
	Kind    string           // "HorizontalPodAutoscaler" or "ScaledObject"
	Name    string           // of metadata
	Target  string           // name of what it scales
	Scaling headroom.Scaling // valid, with defaults filled in
	Notes   []string         // what a reader should know: where Headroom means something slightly different by the same words
}

// Read reads the only autoscaler of a file. Its errors are [*Error], or say that there is none or more than one.
func Read(data []byte) (headroom.Scaling, error) { return Reader{}.Read(data) }

// Read is as the function of that name, for a service of which something is known.
func (r Reader) Read(data []byte) (headroom.Scaling, error) {
	file, err := r.ReadFile(data)
	if err != nil {
		return headroom.Scaling{}, err
	}
	if len(file.Autoscalers) != 1 {
		names := make([]string, len(file.Autoscalers))
		for i, a := range file.Autoscalers {
			names[i] = a.Kind + " " + a.Name
		}
		return headroom.Scaling{}, fmt.Errorf("the file has %d autoscalers (%s), and one service has one: leave one in the file", len(names), strings.Join(names, ", "))
	}
	return file.Autoscalers[0].Scaling, nil
}

// ReadFile reads all autoscalers of a file with one or more documents, also lists as kubectl get -o yaml writes them. Its error is an [*Error].
func (r Reader) ReadFile(data []byte) (File, error) {
	found := &findings{}
	file := File{}
	documents := parse(data, found)
	for _, document := range documents {
		r.object(&file, found, "", document)
	}
	if len(found.list) == 0 && len(file.Autoscalers) == 0 {
		expected := "expected a HorizontalPodAutoscaler or a ScaledObject"
		if len(file.Others) > 0 {
			found.add(nil, "", "has %s, and no autoscaler: %s", strings.Join(file.Others, ", "), expected)
		} else {
			found.add(nil, "", "is empty: %s", expected)
		}
	}
	return file, found.err()
}

// object reads one object, or all of a list.
func (r Reader) object(file *File, found *findings, path string, n *node) {
	o := open(found, path, n)
	kind, at := o.text("kind")
	version, _ := o.text("apiVersion")
	group, _, _ := strings.Cut(version, "/")
	switch {
	case at == nil && !o.has("kind"):
		o.problem(nil, "kind", "must be given: expected HorizontalPodAutoscaler or ScaledObject")
	case strings.HasSuffix(kind, "List") && o.has("items"):
		items, _ := o.list("items")
		for i, item := range items {
			r.object(file, found, o.join(fmt.Sprintf("items[%d]", i)), item)
		}
	case kind == "HorizontalPodAutoscaler":
		r.autoscaler(file, found, o, kind, version, map[string]readSpec{
			"autoscaling/v2": objectReader{r, found}.v2, "autoscaling/v1": objectReader{r, found}.v1})
	case kind == "ScaledObject":
		r.autoscaler(file, found, o, kind, version, map[string]readSpec{
			"keda.sh/v1alpha1": objectReader{r, found}.scaledObject})
	case kind == "ScaledJob" || kind == "VerticalPodAutoscaler" || group == "keda.sh":
		o.problem(at, "kind", "%s: is not taken over; of autoscalers HorizontalPodAutoscaler and ScaledObject are: take this document out of the file", kind)
	default:
		name, _ := open(&findings{}, "", n.find("metadata")).text("name")
		file.Others = append(file.Others, strings.TrimSpace(kind+" "+name))
	}
}

// readSpec reads the spec of an object of one version into an Autoscaler, with what its metadata says.
type readSpec func(a *Autoscaler, metadata, spec *block)

// objectReader reads one object.
type objectReader struct {
	Reader
	found *findings
}

// autoscaler reads what both kinds have in common, and then the rest by version.
func (r Reader) autoscaler(file *File, found *findings, o *block, kind, version string, versions map[string]readSpec) {
	before := len(found.list) + found.more
	read, known := versions[version]
	if !known {
		o.problem(o.take("apiVersion"), "apiVersion", "%q: expected %s; newer and older ones can be had from a cluster as one of these, with kubectl get %s.%s NAME -o yaml",
			version, versionsOf(kind), strings.ToLower(kind), suffixOf(kind))
		return
	}
	a := Autoscaler{Kind: kind, Scaling: defaults()}
	metadata := open(found, o.join("metadata"), o.take("metadata"))
	a.Name, _ = metadata.text("name")
	spec := o.block("spec")
	if spec == nil {
		o.problem(nil, "spec", "must be given")
		return
	}
	if target := spec.block("scaleTargetRef"); target != nil {
		a.Target = target.needed("name", "shop")
		target.ignore("kind", "apiVersion")
		target.refuse("envSourceContainerName", "environments of containers are not read: write what the triggers take from it (…FromEnv) as it is, and take this out")
		target.done(kind)
	}
	o.ignore("status")
	read(&a, metadata, spec)
	spec.done(version)
	o.done(version)
	if len(found.list)+found.more > before {
		return
	}
	// What the vocabulary refuses is told by its own path: it is about the result.
	for _, err := range append(a.Scaling.Validate("scaling"), scaling.Check("scaling", a.Scaling)...) {
		found.add(o.at, o.path, "headroom does not take this: %v", err)
	}
	file.Autoscalers = append(file.Autoscalers, a)
}

func versionsOf(kind string) string {
	if kind == "ScaledObject" {
		return "keda.sh/v1alpha1"
	}
	return "autoscaling/v2 or autoscaling/v1"
}

func suffixOf(kind string) string {
	if kind == "ScaledObject" {
		return "v1alpha1.keda.sh"
	}
	return "v2.autoscaling"
}

// note adds what a reader should know, once.
func (a *Autoscaler) note(format string, arguments ...any) {
	text := fmt.Sprintf(format, arguments...)
	for _, said := range a.Notes {
		if said == text {
			return
		}
	}
	a.Notes = append(a.Notes, text)
}
