package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

// maxSpans is the number of spans of one import. The service does not document a limit.
const maxSpans = 500

func importFile(t *tool, flags *flag.FlagSet) func(context.Context) error {
	flags.BoolVar(&t.asJSON, "json", false, "print the import tasks as JSON, one per line, instead of a summary")
	return func(ctx context.Context) error {
		dataset, err := t.dataset(ctx)
		if err != nil {
			return err
		}
		input, err := t.open(ctx)
		if err != nil {
			return err
		}
		defer input.Close()
		t.hints = append(t.hints, hint{mistralobs.ErrInvalidParams, "the input must have at least one record"})
		result, err := t.client.Imports.FromJSONL(ctx, dataset.ID, input, mistralobs.JSONLImportOptions{
			OnProgress: func(done, total int64) { t.progress.show("uploading", done, total, "MB") },
			Wait:       mistralobs.WaitOptions{OnUpdate: t.showTask},
		})
		if result == nil {
			return err
		}
		if t.asJSON {
			for _, task := range result.Tasks {
				err = errors.Join(err, t.printJSON(task))
			}
			return err
		}
		if err != nil {
			return err
		}
		return t.print(nil, counted(int64(result.Records), "record")+" imported into "+dataset.Name)
	}
}

func (t *tool) showTask(task *mistralobs.ImportTask) {
	if task.Progress != nil {
		t.progress.show("importing", int64(*task.Progress), 0, "%")
	}
}

func importSpans(t *tool, flags *flag.FlagSet) func(context.Context) error {
	var search mistralobs.SearchSpansParams
	var mappings []mistralobs.SpanMapping
	flags.StringVar(&search.Expression, "search", "", "`expression` that selects spans (required)")
	mapped := func(mapping func(target, key string) mistralobs.SpanMapping) func(string) error {
		return func(text string) error {
			target, key, found := strings.Cut(text, "=")
			if !found || target == "" || key == "" {
				return errors.New("it is not TARGET=ATTRIBUTE")
			}
			mappings = append(mappings, mapping(target, key))
			return nil
		}
	}
	flags.Func("map", "fill a field of the payload from an attribute of the span, as `TARGET=ATTRIBUTE`;\n"+
		"give the flag once for each field (at least one is required)", mapped(mistralobs.SpanAttribute))
	flags.Func("map-resource", "the same with an attribute of the resource, as `TARGET=ATTRIBUTE`",
		mapped(mistralobs.ResourceAttribute))
	since := flags.Duration("since", 0,
		"search only the last `duration`, such as 24h; 0 means all spans that the service keeps")
	again := flags.Bool("again", false, "also import the spans that the dataset already has")
	flags.BoolVar(&t.asJSON, "json", false, "print the import tasks as JSON, one per line, instead of a summary")
	t.hints = []hint{{mistralobs.ErrForbidden, "reading telemetry requires a role in the workspace"}}
	t.check = func() error {
		if search.Expression == "" || len(mappings) == 0 {
			return usagef("-search and -map (or -map-resource) are required")
		}
		return nil
	}
	return func(ctx context.Context) error {
		if *since > 0 {
			search.From = time.Now().Add(-*since)
		}
		dataset, err := t.dataset(ctx)
		if err != nil {
			return err
		}
		spans, err := t.findSpans(ctx, search)
		if err != nil {
			return err
		}
		found := len(spans)
		if !*again && found > 0 {
			if spans, err = t.leaveOutImported(ctx, dataset.ID, spans); err != nil {
				return err
			}
		}
		tasks, err := t.importSpans(ctx, dataset.ID, spans, mappings)
		if err != nil {
			return err
		}
		return t.printSpanTasks(tasks, found, len(spans))
	}
}

func (t *tool) findSpans(
	ctx context.Context, search mistralobs.SearchSpansParams,
) (spans []mistralobs.SpanReference, _ error) {
	for span, err := range t.client.Spans.All(ctx, search) {
		if err != nil {
			return nil, err
		}
		spans = append(spans, span.Reference())
		t.progress.show("searching", int64(len(spans)), 0, "spans")
	}
	return spans, nil
}

// leaveOutImported leaves out the spans that the dataset has. The service does not document how a
// record names its span. So it looks at the properties trace_id and span_id, or else for a string
// property that is the ID of a span.
func (t *tool) leaveOutImported(
	ctx context.Context, datasetID string, spans []mistralobs.SpanReference,
) ([]mistralobs.SpanReference, error) {
	searched := map[string]bool{} // IDs of spans
	for _, span := range spans {
		searched[span.SpanID] = true
	}
	exact, byID := map[mistralobs.SpanReference]bool{}, map[string]bool{}
	read := int64(0)
	for record, err := range t.client.Records.All(ctx, datasetID, mistralobs.ListParams{}) {
		if err != nil {
			return nil, err
		}
		read++
		t.progress.show("reading", read, 0, "records")
		traceID, hasTrace := record.Properties.Text("trace_id")
		if spanID, hasSpan := record.Properties.Text("span_id"); hasTrace && hasSpan {
			exact[mistralobs.SpanReference{TraceID: traceID, SpanID: spanID}] = true
			continue
		}
		properties, _ := record.Properties.Map() // nil if they are not an object
		for _, value := range properties {
			if text, ok := value.(string); ok && searched[text] {
				byID[text] = true
			}
		}
	}
	return slices.DeleteFunc(spans, func(span mistralobs.SpanReference) bool {
		return exact[span] || byID[span.SpanID]
	}), nil
}

func (t *tool) importSpans(
	ctx context.Context, datasetID string, spans []mistralobs.SpanReference, mappings []mistralobs.SpanMapping,
) (tasks []*mistralobs.ImportTask, _ error) {
	for batch := range slices.Chunk(spans, maxSpans) {
		task, err := t.client.Imports.FromSpans(ctx, datasetID, batch, mappings)
		if err == nil {
			task, err = t.client.Tasks.Wait(ctx, datasetID, task.ID, mistralobs.WaitOptions{OnUpdate: t.showTask})
		}
		if err != nil {
			return nil, fmt.Errorf("%w (complete: %s)", err, counted(int64(len(tasks)), "import"))
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

func (t *tool) printSpanTasks(tasks []*mistralobs.ImportTask, found, requested int) error {
	skipped := 0
	for _, task := range tasks {
		if t.asJSON {
			if err := t.printJSON(task); err != nil {
				return err
			}
		}
		if task.Result != nil {
			skipped += task.Result.Skipped
		}
	}
	if t.asJSON {
		return nil
	}
	return t.print(nil, fmt.Sprintf("%s found, %d already in the dataset, %d imported, %d skipped by the service",
		counted(int64(found), "span"), found-requested, requested-skipped, skipped))
}
