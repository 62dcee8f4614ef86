package datasetsync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

// Errors that match with errors.Is.
var (
	// ErrDuplicateKeys says that several records of the dataset, or of the input, have the same key.
	// The error lists the ids, or the lines. See [Options.Duplicates] for those of a dataset.
	ErrDuplicateKeys = errors.New("several records have the same key")
	// ErrNoKey says that a wanted record lacks the property [Options.Key].
	ErrNoKey = errors.New("the key is missing")
	// ErrDatasetChanging says that records were added or deleted each time the dataset was read. Try again later.
	ErrDatasetChanging = errors.New("the dataset changes while it is read")
	// ErrTooManyDeletes says that a plan deletes more records than [Options.MaxDeletes] allows. Nothing was changed.
	ErrTooManyDeletes = errors.New("the plan deletes too many records")
	// ErrRecordChanged says that a record has changed on the server since the plan was made, and was left alone.
	// Make a new plan, or set [Options.Force].
	ErrRecordChanged = errors.New("the record has changed since the plan was made")
	// ErrNotObject says that the payload or the properties of a record of the dataset are not a JSON object.
	// Such a record is reported and left alone.
	ErrNotObject = errors.New("the payload or the properties are not a JSON object")
)

// DuplicatePolicy says what to do if several records of the dataset have the same key.
type DuplicatePolicy int

// The policies for duplicate keys.
const (
	RefuseDuplicates DuplicatePolicy = iota // return an error that matches [ErrDuplicateKeys]
	KeepOldest                              // keep the oldest record and delete the others, also without [Options.Delete]
)

// Options says how to compare and change a dataset. Its zero value matches records by content and deletes nothing.
type Options struct {
	// Key names a property, such as "id", whose value identifies a record. Every wanted record must have it.
	// If it is "", records are matched by content: a record that differs is created, never updated.
	Key string
	// Delete removes records that are not wanted. Without it they are left alone. Apply follows the plan instead.
	Delete bool
	// Force also overwrites and deletes records that have changed on the server since the plan was made.
	Force bool
	// AllowEmpty accepts an input without records if Delete is set. This deletes all records of the dataset.
	AllowEmpty bool
	// MaxDeletes is the number of deletions above which Apply and Sync change nothing and return an error that matches
	// [ErrTooManyDeletes]. 0 means no limit.
	MaxDeletes int
	// Concurrency is the number of requests in flight that update or delete records, or read them before that.
	// The default is 8. New records are created one after the other.
	Concurrency int
	// ImportAbove is the number of new records above which they are imported as a file instead of created one by one.
	// An import takes three requests and the time of a task, and its records have the source
	// [mistralobs.SourceUploadedFile]. The default is 50; a negative number means never to import.
	ImportAbove int
	// MaxTaskWait is how long to wait for import tasks that still run, both earlier ones and those of a sync.
	// The default is one hour.
	MaxTaskWait time.Duration
	// Duplicates says what to do if several records of the dataset have the same key.
	Duplicates DuplicatePolicy
	// Full makes Diff find all differences of all updates, and the plan print them all, uncut. Otherwise the first 20
	// updates are compared, with up to three differences of the payload and three of the properties.
	Full bool
	// OnProgress reports progress. Calls do not overlap. PhaseRead starts again if the dataset has to be read again.
	OnProgress func(Progress)
}

// Progress reports how far a phase of a sync is.
type Progress struct {
	Phase Phase
	Done  int // records; in [PhaseWait], tasks
	Total int // -1 if it is not known
}

// Phase is a part of a sync. The phases come in the order of the constants.
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
	// With responses of 60 ms and imports of 3 s, both ways to create 50 records take the same time.
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
	client    *mistralobs.Client
	datasetID string // what the caller gave, until resolve
	options   Options
}

// newSession checks the parameters that Diff, Sync and Apply share.
func newSession(ctx context.Context, client *mistralobs.Client, datasetID string, options Options) (session, error) {
	switch {
	case ctx == nil:
		return session{}, invalid("ctx", "it is nil")
	case client == nil:
		return session{}, invalid("client", "it is nil")
	}
	options, err := options.withDefaults()
	return session{client, datasetID, options}, err
}

// paramError matches [mistralobs.ErrInvalidParams]. It names the parameter.
type paramError struct{ name, problem string }

func (e *paramError) Error() string { return fmt.Sprintf("datasetsync: %s: %s", e.name, e.problem) }

func (e *paramError) Is(target error) bool { return target == mistralobs.ErrInvalidParams }

func invalid(name, format string, args ...any) error {
	return &paramError{name: name, problem: fmt.Sprintf(format, args...)}
}
