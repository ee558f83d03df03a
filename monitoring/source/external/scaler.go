package external

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"headroom.dev/headroom"
)

// namespace is what scalers are told where KEDA has that of the ScaledObject.
const namespace = "default"

// longestBackoff is between attempts to reach a scaler that is away. gRPC's own 2 min would be long for what scales a service.
const longestBackoff = 10 * time.Second

// leastActive is the value per target of a scaler that is active without an amount: any above 0 keeps one replica.
const leastActive = 0.001

// Scaler is a connection to one external scaler. It is safe for concurrent use.
type Scaler struct {
	source     headroom.ExternalSource
	reference  reference
	connection *grpc.ClientConn
}

// Dial prepares a connection for a service; it is made with the first Read, and again whenever it was lost. The error is about the address or about
// source.CAFile.
func Dial(source headroom.ExternalSource, service string) (*Scaler, error) {
	secured := insecure.NewCredentials()
	if source.TLS || source.CAFile != "" {
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		if source.CAFile != "" {
			var err error
			if config.RootCAs, err = trusted(source.CAFile); err != nil {
				return nil, err
			}
		}
		secured = credentials.NewTLS(config)
	}
	delays := backoff.DefaultConfig
	delays.MaxDelay = longestBackoff
	connection, err := grpc.NewClient(source.Address, grpc.WithTransportCredentials(secured),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: delays, MinConnectTimeout: time.Second}),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{})))
	if err != nil {
		return nil, fmt.Errorf("reach the external scaler %s: %w", source.Address, err)
	}
	return &Scaler{source: source, connection: connection,
		reference: reference{name: service, namespace: namespace, metadata: source.Metadata}}, nil
}

func trusted(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read caFile: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("caFile %s has no certificate: expected PEM, which begins with -----BEGIN CERTIFICATE-----", file)
	}
	return pool, nil
}

// Close ends the connection; reads under way fail.
func (s *Scaler) Close() error { return s.connection.Close() }

// Read asks for the value, within source.Timeout: the sum of what the scaler answers for the metric, as KEDA and HPA take it. With source.PerTarget it is
// divided by the scaler's own target, and 0 while the scaler is not active.
func (s *Scaler) Read(ctx context.Context) (float64, error) {
	if s.source.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(s.source.Timeout))
		defer cancel()
		ctx = limited
	}
	spec := amountOf{metric: s.source.Metric}
	if s.source.PerTarget || spec.metric == "" {
		var err error
		if spec, err = s.spec(ctx); err != nil {
			return 0, err
		}
	}
	if !s.source.PerTarget {
		return s.value(ctx, spec.metric)
	}
	target := spec.amount()
	if !(target > 0) {
		return 0, fmt.Errorf("the scaler's target for %s is %v: it must be above 0", spec.metric, target)
	}
	works, err := s.active(ctx)
	if err != nil || !works {
		return 0, err
	}
	value, err := s.value(ctx, spec.metric)
	if err != nil {
		return 0, err
	}
	return max(value/target, leastActive), nil
}

// spec asks which metrics there are, and takes the one that is wanted: the first where none is named.
func (s *Scaler) spec(ctx context.Context) (amountOf, error) {
	specs := amounts{}
	if err := s.call(ctx, "GetMetricSpec", s.reference, &specs); err != nil {
		return amountOf{}, err
	}
	if len(specs.list) == 0 {
		return amountOf{}, errors.New("the scaler names no metric in GetMetricSpec")
	}
	if s.source.Metric == "" {
		return specs.list[0], nil
	}
	names := make([]string, len(specs.list))
	for i, one := range specs.list {
		if one.metric == s.source.Metric {
			return one, nil
		}
		names[i] = one.metric
	}
	return amountOf{}, fmt.Errorf("the scaler has no metric %q, it has %q", s.source.Metric, names)
}

func (s *Scaler) active(ctx context.Context) (bool, error) {
	answer := active{}
	err := s.call(ctx, "IsActive", s.reference, &answer)
	return answer.result, err
}

// value adds up what is answered; KEDA passes all of it on to HPA, which does.
func (s *Scaler) value(ctx context.Context, metric string) (float64, error) {
	values := amounts{}
	if err := s.call(ctx, "GetMetrics", metricsRequest{s.reference, metric}, &values); err != nil {
		return 0, err
	}
	if len(values.list) == 0 {
		return 0, fmt.Errorf("the scaler has no value for the metric %q", metric)
	}
	sum := 0.0
	for _, one := range values.list {
		sum += one.amount()
	}
	return sum, nil
}

func (s *Scaler) call(ctx context.Context, method string, request, answer any) error {
	err := s.connection.Invoke(ctx, "/externalscaler.ExternalScaler/"+method, request, answer)
	if err == nil {
		return nil
	}
	said := status.Convert(err)
	return fmt.Errorf("%s of the external scaler %s: %s: %s", method, s.source.Address, said.Code(), said.Message())
}
