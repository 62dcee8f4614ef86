// Otel counts the records of all datasets and prints its telemetry: a span for each attempt of each
// request, under a span for the whole walk, and metrics.
//
// It is a module of its own, so that the SDK does not depend on OpenTelemetry.
//
//	go -C examples/otel run .
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/mistralobs/mistralobs-go"
)

func main() {
	ctx := context.Background()
	// A real program uses OTLP exporters instead of those that print.
	spanExporter, err := stdouttrace.New()
	if err != nil {
		log.Fatal(err)
	}
	metricExporter, err := stdoutmetric.New()
	if err != nil {
		log.Fatal(err)
	}
	spans := trace.NewTracerProvider(trace.WithBatcher(spanExporter))
	metrics := metric.NewMeterProvider(metric.WithReader(metric.NewPeriodicReader(metricExporter)))
	otel.SetTracerProvider(spans)
	otel.SetMeterProvider(metrics)
	err = count(ctx)
	if err := errors.Join(err, spans.Shutdown(ctx), metrics.Shutdown(ctx)); err != nil {
		log.Fatal(err)
	}
}

func count(ctx context.Context) error {
	ctx, span := otel.Tracer("example").Start(ctx, "count all records")
	defer span.End()
	client, err := mistralobs.NewClient(mistralobs.WithMiddleware(instrument))
	if err != nil {
		return err
	}
	records := 0
	for dataset, err := range client.Datasets.All(ctx, mistralobs.ListDatasetsParams{}) {
		if err != nil {
			return err
		}
		for _, err := range client.Records.All(ctx, dataset.ID, mistralobs.ListParams{}) {
			if err != nil {
				return err
			}
			records++
		}
	}
	span.SetAttributes(attribute.Int("records", records))
	log.Println("Counted", records, "records.")
	return nil
}

// instrument makes a span for every attempt of every request, named such as "records.list 1".
func instrument(base http.RoundTripper) http.RoundTripper {
	name := func(_ string, r *http.Request) string {
		return fmt.Sprint(mistralobs.OperationName(r.Context()), " ", mistralobs.Attempt(r.Context()))
	}
	// Spans show URLs, and anyone with the URL of an export can download it.
	visible := func(r *http.Request) bool { return mistralobs.OperationName(r.Context()) != "exports.download" }
	return otelhttp.NewTransport(base, otelhttp.WithSpanNameFormatter(name), otelhttp.WithFilter(visible))
}
