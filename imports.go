package mistralobs

import "context"

// How many ids one import may name.
const (
	MaxExplorerImport = 500
	MaxDatasetImport  = 10_000
)

// ImportsService is reached as [Client].Imports. Every import runs on the
// service's own time as a task; wait for it with [TasksService.Wait].
type ImportsService struct{ client *Client }

// start sends the request of an import.
func (s *ImportsService) start(ctx context.Context, from, action, route, datasetID string, params any, opts []CallOption) (*ImportTask, error) {
	body, err := encode(params)
	if err != nil {
		return nil, err
	}
	return fetch[ImportTask](ctx, s.client, request{
		name: "imports." + from, action: action, route: route, ids: ids{datasetID}, body: body, creates: true,
	}, opts)
}

// FromCampaign imports the events that a campaign has collected.
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-campaign
//
// It returns an error matching [ErrNotFound], with code [CodeDatasetNotFound]
// or [CodeCampaignNotFound], if there is no such dataset or campaign, and one
// matching [ErrMaybeApplied] if the answer was lost. The newest official
// clients no longer carry this operation: the service may come to answer 404
// or [CodeFeatureNotSupported].
func (s *ImportsService) FromCampaign(ctx context.Context, datasetID, campaignID string, opts ...CallOption) (*ImportTask, error) {
	if err := checkIDs("campaign ID", []string{campaignID}, 1, 1); err != nil {
		return nil, err
	}
	return s.start(ctx, "from_campaign", "import from campaign",
		"POST /v1/observability/datasets/{dataset_id}/imports/from-campaign", datasetID,
		struct {
			ID string `json:"campaign_id"`
		}{campaignID}, opts)
}

// FromExplorer imports completion events found in the explorer, at most [MaxExplorerImport].
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-explorer
//
// It returns an error matching [ErrInvalidParams] for too many events or an
// empty id, one matching [ErrNotFound] if there is no such dataset, and one
// matching [ErrMaybeApplied] if the answer was lost. The newest official
// clients no longer carry this operation: the service may come to answer 404
// or [CodeFeatureNotSupported].
func (s *ImportsService) FromExplorer(ctx context.Context, datasetID string, eventIDs []string, opts ...CallOption) (*ImportTask, error) {
	if err := checkIDs("event IDs", eventIDs, 0, MaxExplorerImport); err != nil {
		return nil, err
	}
	return s.start(ctx, "from_explorer", "import from explorer",
		"POST /v1/observability/datasets/{dataset_id}/imports/from-explorer", datasetID,
		struct {
			IDs []string `json:"completion_event_ids"`
		}{eventIDs}, opts)
}

// FromFile imports a JSONL file that was uploaded with [FilesService.Upload].
// [ImportsService.FromJSONL] does both, and checks the file first.
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-file
//
// It returns an error matching [ErrNotFound] if there is no such dataset, and
// one matching [ErrMaybeApplied] if the answer was lost. A file that cannot be
// read makes the task fail, not this call.
func (s *ImportsService) FromFile(ctx context.Context, datasetID, fileID string, opts ...CallOption) (*ImportTask, error) {
	if err := checkIDs("file ID", []string{fileID}, 1, 1); err != nil {
		return nil, err
	}
	return s.start(ctx, "from_file", "import from file",
		"POST /v1/observability/datasets/{dataset_id}/imports/from-file", datasetID,
		struct {
			ID string `json:"file_id"`
		}{fileID}, opts)
}

// FromPlayground imports conversations of the playground.
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-playground
//
// It returns an error matching [ErrInvalidParams] for an empty id, one matching
// [ErrNotFound] if there is no such dataset, and one matching [ErrMaybeApplied]
// if the answer was lost.
func (s *ImportsService) FromPlayground(ctx context.Context, datasetID string, conversationIDs []string, opts ...CallOption) (*ImportTask, error) {
	if err := checkIDs("conversation IDs", conversationIDs, 0, len(conversationIDs)); err != nil {
		return nil, err
	}
	return s.start(ctx, "from_playground", "import from playground",
		"POST /v1/observability/datasets/{dataset_id}/imports/from-playground", datasetID,
		struct {
			IDs []string `json:"conversation_ids"`
		}{conversationIDs}, opts)
}

// FromDataset copies records, which may belong to any dataset of the workspace:
// 1 to [MaxDatasetImport] of them.
//
// API: POST /v1/observability/datasets/{dataset_id}/imports/from-dataset
//
// It returns an error matching [ErrInvalidParams] for none, too many or an empty id,
// one matching [ErrNotFound] if there is no such dataset, and one matching
// [ErrMaybeApplied] if the answer was lost.
func (s *ImportsService) FromDataset(ctx context.Context, datasetID string, recordIDs []string, opts ...CallOption) (*ImportTask, error) {
	if err := checkIDs("record IDs", recordIDs, 1, MaxDatasetImport); err != nil {
		return nil, err
	}
	return s.start(ctx, "from_dataset", "import from dataset",
		"POST /v1/observability/datasets/{dataset_id}/imports/from-dataset", datasetID, recordIDList{recordIDs}, opts)
}
