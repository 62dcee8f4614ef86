package mistralobs

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// DefaultSyncImportAbove is how many records are created one by one at most
// before a sync imports them as one file instead; see [SyncOptions]. Measured with
// answers of 20 to 100 ms and imports of 3 s, that costs at most 3 s more where
// there is no rate limit, and saves most of the time where there is one.
const DefaultSyncImportAbove = 100

// syncReadAhead is how many pages of a dataset are in flight while it is read.
const syncReadAhead = 4

// ErrRecordChanged says that a record has changed on the server since the plan
// was made, and so was left alone. Make a new plan, or set Force in [SyncOptions].
var ErrRecordChanged = errors.New("the record has changed since the plan was made")

// SyncOptions says how [RecordsService.Diff], [RecordsService.Sync] and
// [RecordsService.Apply] compare and change a dataset. Its zero value matches
// records by content and deletes nothing.
type SyncOptions struct {
	// Key names a property, such as "id", whose value tells which record is
	// which; every wanted record must have it. With "" records are matched by
	// their content: what differs is created, and never updated.
	Key string
	// Delete removes records that are not wanted; otherwise they are left alone.
	// Apply does what the plan says.
	Delete bool
	// Force also overwrites and deletes records that have changed on the server since the plan was made.
	Force bool
	// Concurrency is how many requests that change something are in flight; 0 is [DefaultBulkConcurrency].
	Concurrency int
	// ImportAbove is how many new records are created one by one at most; more
	// are uploaded as one file and imported, which takes three requests and the
	// time of a task, but gives the records the source [SourceUploadedFile].
	// 0 is [DefaultSyncImportAbove], negative means never to import.
	ImportAbove int
	// OnProgress is told what has been done. Calls do not overlap.
	OnProgress func(SyncProgress)
}

// SyncProgress tells how far a phase of a sync is.
type SyncProgress struct {
	Phase SyncPhase
	Done  int // records
	Total int // -1 if that is not known
}

// SyncPhase is a part of a sync. They come in the order of the constants.
type SyncPhase string

// The phases of a sync.
const (
	PhaseInput  SyncPhase = "input"  // reading what is wanted
	PhaseRead   SyncPhase = "read"   // reading the dataset
	PhaseCreate SyncPhase = "create" // creating records
	PhaseUpdate SyncPhase = "update" // replacing payloads and properties
	PhaseDelete SyncPhase = "delete" // deleting records
)

func (o *SyncOptions) fill() error {
	if o.Concurrency < 0 {
		return invalid("Concurrency", "it must not be negative, got %d", o.Concurrency)
	}
	if o.Concurrency == 0 {
		o.Concurrency = DefaultBulkConcurrency
	}
	if o.ImportAbove == 0 {
		o.ImportAbove = DefaultSyncImportAbove
	}
	if o.OnProgress == nil {
		o.OnProgress = func(SyncProgress) {}
	}
	return nil
}

// Diff compares a dataset with the records that are wanted and returns what
// would make it equal to them, without changing anything.
//
// Records are matched by options.Key, else by content. Contents are equal if
// they are equal as JSON: the order of names and white space do not count, and
// numbers compare exactly, however they are written (1 is 1.0). What a wanted record
// holds in Extra does not count.
//
// Imports into the dataset that are still running are waited for first. Diff
// holds hashes in memory, not contents, which go to a temporary file if they are
// more than 16 MB; Close the plan to remove it.
//
// It returns an error matching [ErrInvalidParams] if a wanted record lacks the
// key, or if two wanted records, or two of the dataset, have the same one; the
// error of the sequence; and those of [RecordsService.All], [TasksService.All]
// and [TasksService.Wait].
func (s *RecordsService) Diff(ctx context.Context, datasetID string, want iter.Seq2[*JSONLRecord, error], options SyncOptions) (*SyncPlan, error) {
	plan, _, err := s.diff(ctx, datasetID, want, options)
	return plan, err
}

// Sync makes a dataset equal to the records that are wanted: it is
// [RecordsService.Diff] and [RecordsService.Apply] in one. When it succeeds, and
// nobody else changes the dataset, calling it again does nothing. After a
// failure or an interruption, call it again: each run goes on where the dataset
// stands, and nothing is created twice. Its errors are those of the two.
func (s *RecordsService) Sync(ctx context.Context, datasetID string, want iter.Seq2[*JSONLRecord, error], options SyncOptions) (*SyncReport, error) {
	plan, now, err := s.diff(ctx, datasetID, want, options)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	return s.apply(ctx, plan, now, options)
}

// Apply carries out a plan: creations, then updates, then deletions. It looks at
// the dataset first. What is done already is not done again, so that a plan can be
// applied again after an interruption; a record that has changed since the plan
// was made is left alone, as is one that it would create but that is there now
// with other content, unless options.Force is set. options.Key and
// options.Delete do not count: the plan says which.
//
// The report tells of each item what became of it, also if an error is returned:
// one that matches [ErrRecordChanged] if records were left alone, and joins the
// first failures. A failure of one record does not end the others; one that all
// would meet (401, 403, no such dataset, the end of the context) does.
//
// It returns an error matching [ErrInvalidParams] if the plan is of another
// dataset or was closed.
func (s *RecordsService) Apply(ctx context.Context, datasetID string, plan *SyncPlan, options SyncOptions) (*SyncReport, error) {
	switch {
	case ctx == nil:
		return nil, errNilContext
	case plan == nil || plan.bodies == nil:
		return nil, invalid("plan", "it is nil or closed")
	case plan.DatasetID != datasetID:
		return nil, invalid("plan", "it was made for dataset %s, not for %s", plan.DatasetID, datasetID)
	}
	if err := options.fill(); err != nil {
		return nil, err
	}
	now, err := s.snapshot(ctx, datasetID, plan.Key, options, nil)
	if err != nil {
		return nil, err
	}
	return s.apply(ctx, plan, now, options)
}

// state is what is known of a record of the dataset.
type state struct {
	id                  string
	key                 recordKey
	updated             time.Time
	payload, properties jsonscan.Digest
}

func (s state) content() content { return content{s.payload, s.properties} }

// content stands for a payload and properties.
type content struct{ payload, properties jsonscan.Digest }

// snapshot is the state of a dataset, in memory that does not depend on the size of its records.
type snapshot struct {
	records []state
	byID    map[string]int // index in records
	byKey   map[string]int // of those that have the key
}

// snapshot reads a dataset; visit sees each record.
func (s *RecordsService) snapshot(ctx context.Context, datasetID, key string, options SyncOptions, visit func(*Record, state) error) (*snapshot, error) {
	if err := s.awaitImports(ctx, datasetID); err != nil {
		return nil, err
	}
	now := &snapshot{byID: map[string]int{}, byKey: map[string]int{}}
	for record, err := range s.All(ctx, datasetID, ListParams{ReadAhead: syncReadAhead}) {
		if err != nil {
			return nil, err
		}
		if _, again := now.byID[record.ID]; again {
			continue // a page shifted
		}
		if err := now.add(record, key); err != nil {
			return nil, err
		}
		if visit != nil {
			if err := visit(record, now.records[len(now.records)-1]); err != nil {
				return nil, err
			}
		}
		options.OnProgress(SyncProgress{PhaseRead, len(now.records), -1})
	}
	return now, nil
}

// awaitImports waits for imports that are under way, such as one of a sync that was interrupted.
func (s *RecordsService) awaitImports(ctx context.Context, datasetID string) error {
	for task, err := range s.client.Tasks.All(ctx, datasetID, ListParams{}) {
		if err != nil {
			return err
		}
		if task.Status.Done() || task.Status == StatusUnknown {
			continue
		}
		if _, err := s.client.Tasks.Wait(ctx, datasetID, task.ID, WaitOptions{}); err != nil {
			var failed *TaskError // whoever started it will hear of that
			if !errors.As(err, &failed) {
				return err
			}
		}
	}
	return nil
}

func (n *snapshot) add(record *Record, key string) error {
	now := state{
		id: record.ID, key: keyOf(record.Properties, key), updated: record.UpdatedAt,
		payload: jsonscan.DigestOf(record.Payload), properties: propertiesDigest(record.Properties),
	}
	if now.key.meaning != "" {
		if other, taken := n.byKey[now.key.meaning]; taken {
			return invalid(key, "records %s and %s of the dataset have the same: %s", n.records[other].id, now.id, now.key.shown)
		}
		n.byKey[now.key.meaning] = len(n.records)
	}
	n.byID[now.id] = len(n.records)
	n.records = append(n.records, now)
	return nil
}

// recordKey is the value of the property that tells which record is which; both are "" if there is none.
type recordKey struct {
	meaning string // equal values have equal ones
	shown   string // a string without its quotes, else JSON
}

// keyOf returns a property as a key. A null is none.
func keyOf(properties Object, name string) (key recordKey) {
	if name == "" {
		return key
	}
	s := jsonscan.New(properties)
	s.Members(func(m jsonscan.Member) bool {
		if string(m.Name) == name {
			key = newRecordKey(m.Value) // of equal names the last counts
		}
		return true
	})
	return key
}

func newRecordKey(raw []byte) recordKey {
	if raw[0] == 'n' {
		return recordKey{}
	}
	key := recordKey{string(jsonscan.AppendMeaning(nil, raw)), string(raw)}
	if raw[0] == '"' {
		if text, err := jsontext.AppendUnquote(nil, raw); err == nil {
			key.shown = string(text)
		}
	}
	return key
}

// propertiesDigest takes no properties for {}.
func propertiesDigest(properties Object) jsonscan.Digest {
	if len(properties) == 0 {
		properties = Object("{}")
	}
	return jsonscan.DigestOf(properties)
}

// wanted is a record that the dataset is to have.
type wanted struct {
	key     recordKey
	content content
	body    body
	index   int // in the input, from 1
	found   bool
}

// body is where a wanted record's payload and properties are.
type body struct{ payload, properties place }

// input is all that is wanted.
type input struct {
	records   []wanted
	byKey     map[string]int
	byContent map[content][]int // that have not been found yet
	bodies    *spill
}

func readInput(want iter.Seq2[*JSONLRecord, error], options SyncOptions) (*input, error) {
	if want == nil {
		return nil, invalid("want", "the sequence is nil")
	}
	in := &input{byKey: map[string]int{}, byContent: map[content][]int{}, bodies: &spill{}}
	for record, err := range want {
		if err == nil {
			err = in.add(record, options.Key)
		}
		if err != nil {
			in.bodies.close()
			return nil, err
		}
		options.OnProgress(SyncProgress{PhaseInput, len(in.records), -1})
	}
	return in, nil
}

func (in *input) add(record *JSONLRecord, key string) error {
	w := wanted{index: len(in.records) + 1}
	if record == nil || checkObject(record.Payload) != nil || len(record.Properties) > 0 && checkObject(record.Properties) != nil {
		return invalid("want", "record %d of the input has no payload, or properties that are no JSON object", w.index)
	}
	w.content = content{jsonscan.DigestOf(record.Payload), propertiesDigest(record.Properties)}
	if w.key = keyOf(record.Properties, key); key == "" {
		in.byContent[w.content] = append(in.byContent[w.content], len(in.records))
	} else if w.key.meaning == "" {
		return invalid(key, "record %d of the input does not have this property", w.index)
	} else if other, taken := in.byKey[w.key.meaning]; taken {
		return invalid(key, "records %d and %d of the input have the same: %s", in.records[other].index, w.index, w.key.shown)
	} else {
		in.byKey[w.key.meaning] = len(in.records)
	}
	var err error
	if w.body.payload, err = in.bodies.add(record.Payload); err != nil {
		return err
	}
	if w.body.properties, err = in.bodies.add(record.Properties); err != nil {
		return err
	}
	in.records = append(in.records, w)
	return nil
}

// match finds the wanted record that a record of the dataset is to become.
func (in *input) match(now state) (*wanted, bool) {
	if i, ok := in.byKey[now.key.meaning]; ok {
		return &in.records[i], true
	}
	if same := in.byContent[now.content()]; len(same) > 0 {
		in.byContent[now.content()] = same[1:]
		return &in.records[same[0]], true
	}
	return nil, false
}

// diff also returns the state of the dataset that the plan was made from.
func (s *RecordsService) diff(ctx context.Context, datasetID string, want iter.Seq2[*JSONLRecord, error], options SyncOptions) (*SyncPlan, *snapshot, error) {
	if ctx == nil {
		return nil, nil, errNilContext
	}
	if err := options.fill(); err != nil {
		return nil, nil, err
	}
	in, err := readInput(want, options)
	if err != nil {
		return nil, nil, err
	}
	plan := &SyncPlan{DatasetID: datasetID, Key: options.Key, bodies: in.bodies}
	now, err := s.snapshot(ctx, datasetID, options.Key, options, func(record *Record, now state) error {
		return plan.place(record, now, in, options.Delete)
	})
	if err != nil {
		in.bodies.close()
		return nil, nil, err
	}
	plan.createMissing(in)
	return plan, now, nil
}
