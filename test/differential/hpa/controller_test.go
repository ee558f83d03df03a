package hpa

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	autoscalinginformers "k8s.io/client-go/informers/autoscaling/v2"
	coreinformers "k8s.io/client-go/informers/core/v1"
	autoscalingclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	autoscalinglisters "k8s.io/client-go/listers/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"

	"headroom.dev/headroom/scaling/hpa"
)

// controller is the controller of Kubernetes with one autoscaler, on answers of ours.
type controller struct {
	*cluster
	hpas    cache.Indexer
	handler cache.ResourceEventHandler
	cancel  context.CancelFunc
	done    chan struct{}

	refuse   bool   // whether the next change is refused
	replicas *int   // what it was scaled to last; nil where it was not
	why      string // the reason that it gave
}

// start runs a controller until the test calls stop. It must be called in a bubble.
func start(settings hpa.Controller) *controller {
	c := &controller{cluster: newCluster(), done: make(chan struct{})}
	c.hpas = cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), logr.New(c.log())))
	c.cancel = cancel
	real := podautoscaler.NewHorizontalController(ctx, events{}, scales{c: c}, statuses{c: c}, mapper{}, c.metricsClient(), hpaInformer{c: c},
		podInformer{c: c}, 1e6*time.Hour, settings.DownscaleStabilization, settings.Tolerance, settings.CPUInitializationPeriod,
		settings.InitialReadinessDelay)
	go func() {
		defer close(c.done)
		real.Run(ctx, 1)
	}()
	time.Sleep(time.Second) // it looks again and again whether the informers have synced
	synctest.Wait()
	return c
}

func (c *controller) stop() {
	c.cancel()
	<-c.done
}

// reconcile shows the controller a world and an autoscaler, and lets it do its work once.
func (c *controller) reconcile(t *testing.T, w *world, spec autoscaling.HorizontalPodAutoscalerSpec) {
	t.Helper()
	object := c.object()
	object.Spec = spec
	if err := errors.Join(c.show(w), c.hpas.Update(object)); err != nil {
		t.Fatal(err)
	}
	c.replicas, c.why = nil, ""
	c.handler.OnAdd(object, false) // puts it into the queue at once; what happens to it later is limited to the resync period
	synctest.Wait()
}

// object is a copy of the autoscaler with its status.
func (c *controller) object() *autoscaling.HorizontalPodAutoscaler {
	if stored, ok, _ := c.hpas.GetByKey(namespace + "/" + name); ok {
		return stored.(*autoscaling.HorizontalPodAutoscaler).DeepCopy()
	}
	return &autoscaling.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "1"}}
}

// condition is a condition of the autoscaler's status; zero where there is none.
func (c *controller) condition(kind autoscaling.HorizontalPodAutoscalerConditionType) hpa.Condition {
	for _, condition := range c.object().Status.Conditions {
		if condition.Type == kind {
			return hpa.Condition{Status: condition.Status == corev1.ConditionTrue, Reason: hpa.Reason(condition.Reason)}
		}
	}
	return hpa.Condition{}
}

// What follows is as much of the clients as the controller calls.

type scales struct {
	scale.ScaleInterface
	c *controller
}

func (s scales) Scales(string) scale.ScaleInterface { return s }

func (s scales) Get(context.Context, schema.GroupResource, string, metav1.GetOptions) (*autoscalingv1.Scale, error) {
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       autoscalingv1.ScaleSpec{Replicas: int32(s.c.world.wanted)},
		Status: autoscalingv1.ScaleStatus{
			Replicas: int32(s.c.world.observed), Selector: labels.SelectorFromSet(label()).String(),
		},
	}, nil
}

func (s scales) Update(_ context.Context, _ schema.GroupResource, to *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	replicas := int(to.Spec.Replicas)
	s.c.replicas = &replicas
	if s.c.refuse {
		return nil, errors.New("refused")
	}
	return to, nil
}

type statuses struct {
	autoscalingclient.HorizontalPodAutoscalerInterface
	c *controller
}

func (s statuses) HorizontalPodAutoscalers(string) autoscalingclient.HorizontalPodAutoscalerInterface {
	return s
}

func (s statuses) UpdateStatus(_ context.Context, object *autoscaling.HorizontalPodAutoscaler, _ metav1.UpdateOptions) (
	*autoscaling.HorizontalPodAutoscaler, error) {
	return object, s.c.hpas.Update(object.DeepCopy())
}

type mapper struct{ meta.RESTMapper }

func (mapper) RESTMappings(kind schema.GroupKind, _ ...string) ([]*meta.RESTMapping, error) {
	return []*meta.RESTMapping{{
		Resource:         schema.GroupVersionResource{Group: kind.Group, Version: "v1", Resource: "deployments"},
		GroupVersionKind: kind.WithVersion("v1"),
	}}, nil
}

type events struct{ coreclient.EventInterface }

func (e events) Events(string) coreclient.EventInterface { return e }

func (events) CreateWithEventNamespaceWithContext(_ context.Context, event *corev1.Event) (*corev1.Event, error) {
	return event, nil
}

func (events) CreateWithEventNamespace(event *corev1.Event) (*corev1.Event, error) { return event, nil }

func (events) UpdateWithEventNamespace(event *corev1.Event) (*corev1.Event, error) { return event, nil }

func (events) PatchWithEventNamespace(event *corev1.Event, _ []byte) (*corev1.Event, error) {
	return event, nil
}

type hpaInformer struct {
	autoscalinginformers.HorizontalPodAutoscalerInformer
	c *controller
}

func (i hpaInformer) Informer() cache.SharedIndexInformer { return informer{c: i.c, store: i.c.hpas} }

func (i hpaInformer) Lister() autoscalinglisters.HorizontalPodAutoscalerLister {
	return autoscalinglisters.NewHorizontalPodAutoscalerLister(i.c.hpas)
}

type podInformer struct {
	coreinformers.PodInformer
	c *controller
}

func (i podInformer) Informer() cache.SharedIndexInformer { return informer{c: i.c, store: i.c.pods} }
func (i podInformer) Lister() corelisters.PodLister       { return i.c.podLister() }

type informer struct {
	cache.SharedIndexInformer
	c     *controller
	store cache.Store
}

func (i informer) HasSynced() bool       { return true }
func (i informer) GetStore() cache.Store { return i.store }

func (i informer) AddEventHandlerWithResyncPeriod(handler cache.ResourceEventHandler, _ time.Duration) (
	cache.ResourceEventHandlerRegistration, error) {
	i.c.handler = handler
	return nil, nil
}

// log takes the reason of a change from where the controller writes it down. The events that say it to users are limited to 25 in a row.
func (c *controller) log() logr.LogSink { return logSink{c} }

type logSink struct{ c *controller }

func (logSink) Init(logr.RuntimeInfo)            {}
func (logSink) Enabled(level int) bool           { return level == 0 }
func (logSink) Error(error, string, ...any)      {}
func (s logSink) WithValues(...any) logr.LogSink { return s }
func (s logSink) WithName(string) logr.LogSink   { return s }
func (s logSink) Info(_ int, message string, pairs ...any) {
	if message != "Successfully rescaled" {
		return
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == "reason" {
			s.c.why, _ = pairs[i+1].(string)
		}
	}
}
