package datasetsync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/mistralobs/mistralobs-go"
)

// Sentinels for errors.Is.
var (
	// ErrDuplicateKeys means that several records of the dataset, or several wanted records, have
	// the same key. The error lists the IDs of the records, or the lines. [Options.Duplicates] can
	// accept duplicates in the dataset.
	ErrDuplicateKeys = errors.New("several records have the same key")
	// ErrNoKey means that a wanted record does not have the property that [Options.Key] names, or
	// has a null there.
	ErrNoKey = errors.New("the key is missing")
	// ErrDatasetChanging means that somebody added or deleted records during each of three readings
	// of the dataset. Try again later.
	ErrDatasetChanging = errors.New("the dataset changes while it is read")
	// ErrTooManyDeletes means that a plan has more deletions than [Options.MaxDeletes]. Nothing was
	// changed.
	ErrTooManyDeletes = errors.New("the plan deletes too many records")
	// ErrRecordChanged means that a record has changed at the service since the plan was made, and
	// was left alone. Make a new plan, or set [Options.Force].
	ErrRecordChanged = errors.New("the record has changed since the plan was made")
	// ErrNotObject means that the payload or the properties of a record of the dataset are not a
	// JSON object. If no wanted record has its key, the record is reported and left alone.
	ErrNotObject = errors.New("the payload or the properties are not a JSON object")
)

// DuplicatePolicy says what to do if several records of the dataset have the same key.
type DuplicatePolicy int

// The policies for duplicate keys.
const (
	// RefuseDuplicates, the default, returns an error that matches [ErrDuplicateKeys].
	RefuseDuplicates DuplicatePolicy = iota
	// KeepOldest keeps the oldest record and deletes the others, even if [Options.Delete] is not
	// set. Apply does not delete them, even with [Options.Force], if the oldest record is gone or
	// has another key by then. They are then left alone, and the error matches [ErrRecordChanged].
	KeepOldest
)

// Options says how to compare and change a dataset. Its zero value matches records by content and
// deletes nothing.
type Options struct {
	// Key names a property, such as "id", whose value identifies a record. Every wanted record must
	// have it. The value can be any JSON but null. If Key is "", records match by content: a wanted
	// record that differs from all others is created, never updated.
	Key string
	// KeepProperties names properties that are left as they are, such as the scores that
	// [mistralobs.RecordsService.Edit] has written. Records are compared without them, and an update
	// keeps the values that the record has. A new record gets those of the wanted record. A record is
	// deleted with them, even if they have changed since the plan was made. So without a Key, where a
	// changed record is created anew, they are lost. Apply ignores KeepProperties, and keeps those of
	// its plan.
	KeepProperties []string
	// Delete plans the deletion of records that match no wanted record. Without Delete they stay.
	// Deletions come last, and only if all creations and updates were made. Apply ignores Delete,
	// and makes the deletions of its plan.
	Delete bool
	// Force also overwrites and deletes records that have changed at the service since the plan was
	// made.
	Force bool
	// AllowEmpty allows Delete to delete all records of the dataset because there is no wanted
	// record.
	AllowEmpty bool
	// MaxDeletes is the largest number of deletions. If a plan has more, Apply and Sync change
	// nothing and return an error that matches [ErrTooManyDeletes]. 0 means no limit.
	MaxDeletes int
	// Concurrency is the number of requests in flight for updates and deletions, and to read
	// records before them. The default is 8. Creations are sent one after the other.
	Concurrency int
	// ImportAbove is the largest number of records to create one by one. More are imported as a
	// file, with a request each to upload the file, start the import and delete the file, and with
	// polls of its task. Imported records have the source [mistralobs.SourceUploadedFile]. The
	// default is 50. A negative number turns imports off.
	ImportAbove int
	// MaxTaskWait limits the wait for imports: for those that run at the start together, and for
	// each file that Apply imports. After it, the error matches [mistralobs.ErrTimeout]. The
	// default is one hour.
	MaxTaskWait time.Duration
	// Duplicates says what to do if several records of the dataset have the same key.
	Duplicates DuplicatePolicy
	// Full makes a plan for review. Diff finds all differences of all updates, and keeps the
	// records to delete. The text of the plan shows all items, all differences, and the whole
	// records to create and delete. Without Full, Diff compares the first 20 updates and keeps at
	// most three differences of the payload and three of the properties.
	Full bool
	// OnProgress reports progress. Calls do not overlap. It is called in the goroutine that calls
	// Diff, Sync or Apply, and during an upload in another one while that goroutine waits. A panic
	// of OnProgress reaches the caller. PhaseRead starts again if the dataset has to be read again.
	// During an import, PhaseCreate moves by an estimate: the upload is one half, and the progress
	// of the task the other.
	OnProgress func(Progress)
}

// Progress reports how far a phase of a sync is.
type Progress struct {
	Phase Phase // the current phase
	Done  int   // records; in [PhaseWait], tasks; an estimate during an import, see [Options.OnProgress]
	Total int   // -1 if it is not known
}

// Phase is a part of a sync. Phases are reported in the order of the constants.
type Phase string

// The phases of a sync.
const (
	PhaseWait   Phase = "wait"   // waiting for import tasks that still run
	PhaseRead   Phase = "read"   // reading the dataset
	PhaseInput  Phase = "input"  // reading the wanted records
	PhaseCreate Phase = "create" // creating records
	PhaseUpdate Phase = "update" // replacing payloads and properties
	PhaseDelete Phase = "delete" // deleting records
)

const (
	defaultConcurrency = 8
	// With responses of 60 ms and imports of 3 s, both ways to create 50 records take the same
	// time.
	defaultImportAbove = 50
	defaultMaxTaskWait = time.Hour
)

func (o Options) withDefaults() (Options, error) {
	switch {
	case o.Concurrency < 0:
		return o, invalid("Concurrency", "it must not be negative, got %d", o.Concurrency)
	case o.MaxDeletes < 0:
		return o, invalid("MaxDeletes", "it must not be negative, got %d", o.MaxDeletes)
	case o.MaxTaskWait < 0:
		return o, invalid("MaxTaskWait", "it must not be negative, got %v", o.MaxTaskWait)
	case slices.ContainsFunc(o.KeepProperties, func(name string) bool { return name == "" || !utf8.ValidString(name) }):
		return o, invalid("KeepProperties", "a name is empty or not UTF-8: %q", o.KeepProperties)
	case o.Key != "" && slices.Contains(o.KeepProperties, o.Key):
		return o, invalid("KeepProperties", "it has the key %s, by which records match", display(o.Key))
	case o.Duplicates != RefuseDuplicates && o.Duplicates != KeepOldest:
		return o, invalid("Duplicates", "there is no policy %d", o.Duplicates)
	}
	if o.Concurrency == 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.ImportAbove == 0 {
		o.ImportAbove = defaultImportAbove
	}
	if o.MaxTaskWait == 0 {
		o.MaxTaskWait = defaultMaxTaskWait
	}
	if o.OnProgress == nil {
		o.OnProgress = func(Progress) {}
	}
	return o, nil
}

// session is one call of Diff, Sync or Apply.
type session struct {
	action    string // what errors begin with
	client    *mistralobs.Client
	once      *mistralobs.Client // the same client, but it sends each request once
	datasetID string             // until the dataset has been read, the ID or slug that the caller gave
	options   Options
}

// newSession checks the parameters that Diff, Sync and Apply share.
func newSession(
	ctx context.Context, action string, client *mistralobs.Client, datasetID string, options Options,
) (*session, error) {
	s := &session{action: action, client: client, datasetID: datasetID}
	switch {
	case ctx == nil:
		return nil, s.invalid("ctx", "it is nil")
	case client == nil:
		return nil, s.invalid("client", "it is nil")
	}
	var err error
	if s.options, err = options.withDefaults(); err != nil {
		return nil, s.errorf("%w", err)
	}
	s.once, err = client.With(mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
	return s, err
}

// errorf returns an error that begins with the action.
func (s *session) errorf(format string, args ...any) error {
	return fmt.Errorf("datasetsync: "+s.action+": "+format, args...)
}

func (s *session) invalid(name, problem string) error {
	return s.errorf("%w", &paramError{name, problem})
}

// paramError matches [mistralobs.ErrInvalidParams]. It names the parameter.
type paramError struct{ name, problem string }

func (e *paramError) Error() string { return e.name + ": " + e.problem }

func (e *paramError) Is(target error) bool { return target == mistralobs.ErrInvalidParams }

func invalid(name, format string, args ...any) error {
	return &paramError{name: name, problem: fmt.Sprintf(format, args...)}
}
