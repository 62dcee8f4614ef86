package mistralobs

import (
	"context"
	"strconv"
)

// The largest numbers of IDs for one call of [ImportsService.FromExplorer] and of
// [ImportsService.FromDataset].
const (
	MaxExplorerImport = 500
	MaxDatasetImport  = 10_000
)

// ImportsService fills datasets from other sources. Use it as [Client].Imports. The service runs
// each import as a task. Wait for the task with [TasksService.Wait], then compare the counts in
// [ImportTask].Result: the service may skip records of a task that ends as COMPLETED.
//
// Importing the same source again creates its records again.
//
// If a method returns an error that matches [ErrMaybeApplied], the import may have started. Check
// with [TasksService.List] before you start it again.
type ImportsService struct{ client *Client }

// start sends the request that starts an import.
func (s *ImportsService) start(ctx context.Context, req request, params any, opts []CallOption) (*ImportTask, error) {
	if req.err == nil {
		req.body, req.err = encode(params)
	}
	req.creates = true
	req.required = hasID
	return fetch[ImportTask](ctx, s.client, req, opts)
}

// FromCampaign imports the events that a campaign of Mistral Studio has collected.
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-campaign
//
// It returns an error that matches [ErrInvalidParams] if campaignID is empty. It returns one that
// matches [ErrNotFound], with code [CodeDatasetNotFound] or [CodeCampaignNotFound], if there is no
// such dataset or campaign.
//
// Deprecated: The newest official clients do not have this operation. The service may respond
// with 404 or [CodeFeatureNotSupported]. Use [ImportsService.FromSpans].
func (s *ImportsService) FromCampaign(
	ctx context.Context, datasetID, campaignID string, opts ...CallOption,
) (*ImportTask, error) {
	return s.start(ctx, request{
		name: "imports.from_campaign", action: "import from campaign",
		route: "POST /v1/observability/datasets/{dataset_id}/imports/from-campaign", ids: ids{datasetID},
		err: checkID("campaignID", campaignID),
	}, map[string]string{"campaign_id": campaignID}, opts)
}

// FromExplorer imports up to [MaxExplorerImport] completion events that the explorer of Mistral
// Studio shows.
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-explorer
//
// It returns an error that matches [ErrInvalidParams] if there are too many events or an ID is
// empty, and one that matches [ErrNotFound] if there is no such dataset. The service documents no
// least number of events: it gets an empty list too.
//
// Deprecated: The newest official clients do not have this operation. The service may respond
// with 404 or [CodeFeatureNotSupported]. Use [ImportsService.FromSpans].
func (s *ImportsService) FromExplorer(
	ctx context.Context, datasetID string, eventIDs []string, opts ...CallOption,
) (*ImportTask, error) {
	return s.start(ctx, request{
		name: "imports.from_explorer", action: "import from explorer",
		route: "POST /v1/observability/datasets/{dataset_id}/imports/from-explorer", ids: ids{datasetID},
		err: checkIDs("eventIDs", eventIDs, 0, MaxExplorerImport),
	}, map[string][]string{"completion_event_ids": eventIDs}, opts)
}

// FromFile imports a JSONL file that was uploaded with [FilesService.Upload]. To check, upload and
// import a file in one step, use [ImportsService.FromJSONL].
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-file
//
// It returns an error that matches [ErrInvalidParams] if fileID is empty, and one that matches
// [ErrNotFound] if there is no such dataset. If the service cannot read the file, the task fails.
func (s *ImportsService) FromFile(
	ctx context.Context, datasetID, fileID string, opts ...CallOption,
) (*ImportTask, error) {
	return s.start(ctx, request{
		name: "imports.from_file", action: "import from file",
		route: "POST /v1/observability/datasets/{dataset_id}/imports/from-file", ids: ids{datasetID},
		err: checkID("fileID", fileID),
	}, map[string]string{"file_id": fileID}, opts)
}

// FromPlayground imports conversations that were held in the playground of Mistral Studio. The
// service documents no limits for their number: it gets an empty list too.
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-playground
//
// It returns an error that matches [ErrInvalidParams] if an ID is empty, and one that matches
// [ErrNotFound] if there is no such dataset.
func (s *ImportsService) FromPlayground(
	ctx context.Context, datasetID string, conversationIDs []string, opts ...CallOption,
) (*ImportTask, error) {
	return s.start(ctx, request{
		name: "imports.from_playground", action: "import from playground",
		route: "POST /v1/observability/datasets/{dataset_id}/imports/from-playground", ids: ids{datasetID},
		err: checkIDs("conversationIDs", conversationIDs, 0, len(conversationIDs)),
	}, map[string][]string{"conversation_ids": conversationIDs}, opts)
}

// FromDataset copies 1 to [MaxDatasetImport] records into a dataset. They may come from any
// datasets of the workspace.
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-dataset
//
// It returns an error that matches [ErrInvalidParams] if there are no records, too many, or an ID
// is empty, and one that matches [ErrNotFound] if there is no such dataset.
func (s *ImportsService) FromDataset(
	ctx context.Context, datasetID string, recordIDs []string, opts ...CallOption,
) (*ImportTask, error) {
	return s.start(ctx, request{
		name: "imports.from_dataset", action: "import from dataset",
		route: "POST /v1/observability/datasets/{dataset_id}/imports/from-dataset", ids: ids{datasetID},
		err: checkIDs("recordIDs", recordIDs, 1, MaxDatasetImport),
	}, recordIDList{recordIDs}, opts)
}

// SpanNamespace is a set of attributes of a span. The service may add more.
type SpanNamespace string

// The known namespaces.
const (
	NamespaceSpanAttributes     SpanNamespace = "span_attributes"
	NamespaceResourceAttributes SpanNamespace = "resource_attributes"
)

// SpanMapping fills a field of a record's payload from an attribute of a span. Create one with
// [SpanAttribute] or [ResourceAttribute].
type SpanMapping struct {
	Target    string        // the top-level name in the payload to fill
	Namespace SpanNamespace // where to look for Key
	Key       string        // the name of the attribute; its dots are part of it
}

// SpanAttribute fills target from the span attribute key, such as "gen_ai.input.messages".
func SpanAttribute(target, key string) SpanMapping {
	return SpanMapping{Target: target, Namespace: NamespaceSpanAttributes, Key: key}
}

// ResourceAttribute fills target from the resource attribute key, such as "service.name".
func ResourceAttribute(target, key string) SpanMapping {
	return SpanMapping{Target: target, Namespace: NamespaceResourceAttributes, Key: key}
}

// FromSpans creates a record from each span. Find spans with [SpansService]. The mappings say which
// attributes fill the payload. The service also puts the IDs of the span and its trace into the
// properties, under names that it does not document; "trace_id" and "span_id" are likely.
//
// Importing a span again creates another record. Wait for the imports that still run (see
// [TasksService.All]), then leave out the spans whose IDs are among the properties of the dataset's
// records.
//
// If an attribute is missing, blank or an empty list, the payload gets no Target. If its text is a
// JSON object or array, the payload has that value. Any other text stays a string.
//
// The service skips spans that it does not have. The task still ends as COMPLETED: check Skipped in
// [ImportTask].Result. The service does not document how many spans one import accepts.
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-spans
//
// It returns an error that matches [ErrInvalidParams] if there are no spans or no mappings, an ID
// is not as [SpanReference] says, a Target or Key is empty, or two mappings have the same Target.
// It returns one that matches [ErrNotFound] if there is no such dataset.
func (s *ImportsService) FromSpans(
	ctx context.Context, datasetID string, spans []SpanReference, mappings []SpanMapping, opts ...CallOption,
) (*ImportTask, error) {
	params, err := newSpanImport(spans, mappings)
	return s.start(ctx, request{
		name: "imports.from_spans", action: "import from spans",
		route: "POST /v1/observability/datasets/{dataset_id}/imports/from-spans", ids: ids{datasetID}, err: err,
	}, params, opts)
}

// spanImport is the body of an import from spans.
type spanImport struct {
	Spans    []SpanReference `json:"span_references"`
	Contract spanContract    `json:"mapping_contract"`
}

type spanContract struct {
	Version  int          `json:"version"`
	Mappings []spanTarget `json:"mappings"`
}

type spanTarget struct {
	Target string     `json:"target_field"`
	Source spanSource `json:"source_field"`
}

type spanSource struct {
	Namespace SpanNamespace `json:"namespace"`
	Key       string        `json:"key"`
}

func newSpanImport(spans []SpanReference, mappings []SpanMapping) (*spanImport, error) {
	body := &spanImport{Spans: make([]SpanReference, len(spans)), Contract: spanContract{Version: 1}}
	for i, span := range spans {
		reference, err := span.lower("spans[" + strconv.Itoa(i) + "].")
		if err != nil {
			return nil, err
		}
		body.Spans[i] = reference
	}
	first := map[string]int{} // mapping by target
	for i, m := range mappings {
		name := "mappings[" + strconv.Itoa(i) + "]"
		other, repeated := first[m.Target]
		switch {
		case m.Target == "":
			return nil, invalid(name+".Target", "it is empty")
		case m.Key == "":
			return nil, invalid(name+".Key", "it is empty")
		case repeated:
			return nil, invalid(name+".Target", "mappings[%d] has the same target %q", other, m.Target)
		}
		first[m.Target] = i
		source := spanSource{Namespace: m.Namespace, Key: m.Key}
		body.Contract.Mappings = append(body.Contract.Mappings, spanTarget{Target: m.Target, Source: source})
	}
	switch {
	case len(spans) == 0:
		return nil, invalid("spans", "it holds no span")
	case len(mappings) == 0:
		return nil, invalid("mappings", "it holds no mapping, so that the records would be empty")
	}
	return body, nil
}
