// Otel walks all records and prints what OpenTelemetry sees of that: a span of
// every request under one of the whole walk, and metrics. It is a module of its
// own, so that the SDK does not depend on OpenTelemetry.
//
//	go -C examples/otel run .
//
// Without MISTRAL_API_KEY it walks the demo data of an in-memory server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "otel:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	spans, metrics, err := providers()
	if err != nil {
		return err
	}
	defer func() { // after Ctrl-C too: what was collected goes out here
		ctx := context.WithoutCancel(ctx)
		err = errors.Join(err, spans.Shutdown(ctx), metrics.Shutdown(ctx))
	}()
	client, done, err := mistralobstest.ClientOrDemo(os.Stderr, mistralobs.WithHTTPClient(instrumented(spans, metrics)))
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

// providers print to standard output; a real program has OTLP exporters here.
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

// instrumented returns an HTTP client whose every request, repeats included, is seen.
func instrumented(spans *trace.TracerProvider, metrics *metric.MeterProvider) *http.Client {
	return &http.Client{Transport: labeled{otelhttp.NewTransport(http.DefaultTransport,
		otelhttp.WithTracerProvider(spans),
		otelhttp.WithMeterProvider(metrics),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string {
			return mistralobs.OperationName(r.Context())
		}),
		// Spans show URLs, and who has the URL of an export has the export.
		otelhttp.WithFilter(func(r *http.Request) bool {
			return mistralobs.OperationName(r.Context()) != "exports.download"
		}),
	)}}
}

// labeled gives the metrics of a request the name of its operation.
type labeled struct{ http.RoundTripper }

func (l labeled) RoundTrip(r *http.Request) (*http.Response, error) {
	var labeler otelhttp.Labeler
	labeler.Add(attribute.String("mistralobs.operation", mistralobs.OperationName(r.Context())))
	return l.RoundTripper.RoundTrip(r.WithContext(otelhttp.ContextWithLabeler(r.Context(), &labeler)))
}
