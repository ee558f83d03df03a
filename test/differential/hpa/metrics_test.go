package hpa

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
	custom "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	external "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	metricsapi "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	resourceclient "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
	customclient "k8s.io/metrics/pkg/client/custom_metrics"
	externalclient "k8s.io/metrics/pkg/client/external_metrics"

	"headroom.dev/headroom/scaling/hpa"
)

// cluster answers Kubernetes from a world, which may be exchanged while nobody reads.
type cluster struct {
	world *world
	pods  cache.Indexer
}

func newCluster() *cluster {
	return &cluster{pods: cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})}
}

func (c *cluster) show(w *world) error {
	c.world = w
	objects := make([]any, len(w.pods))
	for i := range w.pods {
		objects[i] = kubernetesPod(i, &w.pods[i])
	}
	return c.pods.Replace(objects, "")
}

func (c *cluster) podLister() corelisters.PodLister { return corelisters.NewPodLister(c.pods) }

// metricsClient is the client that the controller reads metrics with, on answers of ours.
func (c *cluster) metricsClient() metrics.MetricsClient {
	return metrics.NewRESTMetricsClient(podMetricses{c: c}, customMetrics{c}, externalMetrics{c})
}

type podMetricses struct {
	resourceclient.PodMetricsInterface
	c *cluster
}

func (p podMetricses) PodMetricses(string) resourceclient.PodMetricsInterface { return p }

func (p podMetricses) List(context.Context, metav1.ListOptions) (*metricsapi.PodMetricsList, error) {
	if p.c.world.broken[resources] {
		return nil, errBroken
	}
	list := &metricsapi.PodMetricsList{}
	for i := range p.c.world.pods {
		pod := &p.c.world.pods[i]
		if len(pod.Usage) == 0 && i%2 == 0 {
			continue // not listed, or listed without containers
		}
		one := metricsapi.PodMetrics{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: podName(i)},
			Timestamp:  metav1.Time{Time: pod.UsageAt}, Window: metav1.Duration{Duration: pod.UsageWindow},
		}
		for _, container := range pod.Usage {
			one.Containers = append(one.Containers, metricsapi.ContainerMetrics{Name: container.Name, Usage: quantities(container.Resources)})
		}
		list.Items = append(list.Items, one)
	}
	return list, nil
}

type customMetrics struct{ c *cluster }

func (m customMetrics) RootScopedMetrics() customclient.MetricsInterface       { return m }
func (m customMetrics) NamespacedMetrics(string) customclient.MetricsInterface { return m }

func (m customMetrics) GetForObject(_ schema.GroupKind, _, metric string, _ labels.Selector) (*custom.MetricValue, error) {
	if m.c.world.broken[metric] {
		return nil, errBroken
	}
	return &custom.MetricValue{Value: milli(m.c.world.values[metric])}, nil
}

func (m customMetrics) GetForObjects(_ schema.GroupKind, _ labels.Selector, metric string, _ labels.Selector) (*custom.MetricValueList, error) {
	if m.c.world.broken[metric] {
		return nil, errBroken
	}
	list := &custom.MetricValueList{}
	for i := range m.c.world.pods {
		if value, ok := m.c.world.pods[i].Custom[metric]; ok {
			pod := corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: podName(i)}
			list.Items = append(list.Items, custom.MetricValue{DescribedObject: pod, Value: milli(value)})
		}
	}
	return list, nil
}

type externalMetrics struct{ c *cluster }

func (m externalMetrics) NamespacedMetrics(string) externalclient.MetricsInterface { return m }

func (m externalMetrics) List(metric string, _ labels.Selector) (*external.ExternalMetricValueList, error) {
	if m.c.world.broken[metric] {
		return nil, errBroken
	}
	list := &external.ExternalMetricValueList{}
	for _, value := range m.c.world.series[metric] {
		list.Items = append(list.Items, external.ExternalMetricValue{MetricName: metric, Value: milli(value)})
	}
	return list, nil
}

func milli(value int64) resource.Quantity {
	return *resource.NewMilliQuantity(value, resource.DecimalSI)
}

// isPerPod reports whether a metric is measured per pod.
func isPerPod(m hpa.Metric) bool { return m.Source != hpa.Object && m.Source != hpa.External }
