// Otel counts the records of all datasets and prints its telemetry: a span for each request under a span for the whole
// walk, and metrics.
//
// It is a module of its own, so that the SDK does not depend on OpenTelemetry.
//
//	go -C examples/otel run . [-demo]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
)

const about = `
Otel counts the records of all datasets and prints its telemetry: a span for each
request under a span for the whole walk, and metrics.` + demo.Environment

func main() {
	useDemo := flag.Bool("demo", false, demo.FlagText)
	cli.Main(about, func(ctx context.Context) error { return run(ctx, *useDemo) })
}

func run(ctx context.Context, useDemo bool) (err error) {
	spans, metrics, err := providers()
	if err != nil {
		return err
	}
	defer func() { // also after Ctrl-C, so that everything collected is printed
		ctx := context.WithoutCancel(ctx)
		err = errors.Join(err, spans.Shutdown(ctx), metrics.Shutdown(ctx))
	}()
	client, done, err := demo.Client(useDemo, os.Stderr, mistralobs.WithHTTPClient(instrumented(spans, metrics)))
	if err != nil {
		return err
	}
	defer done()
	ctx, span := spans.Tracer("example").Start(ctx, "count all records")
	defer span.End()
	records, err := count(ctx, client)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		return err
	}
	span.SetAttributes(attribute.Int("records", records))
	fmt.Fprintln(os.Stderr, "Counted", records, "records.")
	return nil
}

func count(ctx context.Context, client *mistralobs.Client) (records int, err error) {
	for dataset, err := range client.Datasets.All(ctx, mistralobs.ListDatasetsParams{}) {
		if err != nil {
			return 0, err
		}
		for _, err := range client.Records.All(ctx, dataset.ID, mistralobs.ListParams{}) {
			if err != nil {
				return 0, err
			}
			records++
		}
	}
	return records, nil
}

// providers print to standard output. A real program uses OTLP exporters instead.
func providers() (*trace.TracerProvider, *metric.MeterProvider, error) {
	spans, err := stdouttrace.New()
	if err != nil {
		return nil, nil, err
	}
	metrics, err := stdoutmetric.New()
	if err != nil {
		return nil, nil, err
	}
	reader := metric.NewPeriodicReader(metrics)
	return trace.NewTracerProvider(trace.WithBatcher(spans)), metric.NewMeterProvider(metric.WithReader(reader)), nil
}

// instrumented returns an HTTP client that makes a span for every attempt of every request.
func instrumented(spans *trace.TracerProvider, metrics *metric.MeterProvider) *http.Client {
	return &http.Client{Transport: labeled{otelhttp.NewTransport(numbered{http.DefaultTransport},
		otelhttp.WithTracerProvider(spans),
		otelhttp.WithMeterProvider(metrics),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string {
			return mistralobs.OperationName(r.Context())
		}),
		// Spans show URLs, and anyone with the URL of an export can download it.
		otelhttp.WithFilter(func(r *http.Request) bool {
			return mistralobs.OperationName(r.Context()) != "exports.download"
		}),
	)}}
}

// labeled adds the name of the operation to the metrics of each request.
type labeled struct{ http.RoundTripper }

func (l labeled) RoundTrip(r *http.Request) (*http.Response, error) {
	var labeler otelhttp.Labeler
	labeler.Add(attribute.String("mistralobs.operation", mistralobs.OperationName(r.Context())))
	return l.RoundTripper.RoundTrip(r.WithContext(otelhttp.ContextWithLabeler(r.Context(), &labeler)))
}

// numbered adds to the span of each attempt how often the request was sent before.
type numbered struct{ http.RoundTripper }

func (n numbered) RoundTrip(r *http.Request) (*http.Response, error) {
	if attempt := mistralobs.Attempt(r.Context()); attempt > 1 {
		span := oteltrace.SpanFromContext(r.Context())
		span.SetAttributes(attribute.Int("http.request.resend_count", attempt-1))
	}
	return n.RoundTripper.RoundTrip(r)
}
