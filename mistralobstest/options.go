package mistralobstest

import (
	"time"
)

// DefaultAPIKey is the key that a server accepts by default. It is not a secret.
const DefaultAPIKey = "test-key"

const (
	defaultTaskDuration = 50 * time.Millisecond
	defaultExportTTL    = time.Hour
)

// Option configures a server. Pass it to [NewServer] or [NewUnstartedServer].
type Option func(*options)

type options struct {
	now          func() time.Time
	tuning       tuning
	perSecond    float64
	burst        int
	taskOutcome  func(TaskInfo) (status, message string)
	taskProgress func(fraction float64) *int
	partial      *partialImport
	exportTTL    time.Duration
	requestLog   int
	inMemory     bool
	feedNext     bool
	noRetryAfter bool
}

// tuning holds the settings that may change while the server runs.
type tuning struct {
	apiKey       string
	latency      time.Duration
	taskDuration time.Duration
}

func defaultOptions() options {
	return options{
		now:          time.Now,
		tuning:       tuning{apiKey: DefaultAPIKey, taskDuration: defaultTaskDuration},
		taskOutcome:  completeTask,
		taskProgress: linearProgress,
		exportTTL:    defaultExportTTL,
		requestLog:   -1,
	}
}

// WithAPIKey sets the key that the server accepts. The default is [DefaultAPIKey].
func WithAPIKey(key string) Option {
	return func(o *options) { o.tuning.apiKey = key }
}

// WithClock sets the clock of the data: creation and update times, the progress of tasks, and
// expiry. The default is [time.Now]. Latencies, the Delay of faults and the rate limit do not use
// this clock. The server calls the function from many goroutines at once. The function must not
// call the Server.
func WithClock(now func() time.Time) Option {
	return func(o *options) { o.now = now }
}

// WithLatency makes the server wait for d before it executes an operation; for an upload, after it
// has read the body. If the client disconnects during the wait, the server does not execute the
// operation. The default is no wait.
func WithLatency(d time.Duration) Option {
	return func(o *options) { o.tuning.latency = d }
}

// WithTaskDuration sets how long an import runs. The default is 50 ms. With 0, the response that
// starts the import shows RUNNING, and the task has ended when the next request arrives.
func WithTaskDuration(d time.Duration) Option {
	return func(o *options) { o.tuning.taskDuration = d }
}

// WithTaskOutcome decides how an import ends. The server calls outcome when a task has run for its
// duration. The result depends on the status:
//
//   - "" or COMPLETED: the import adds its records and completes, or fails if it
//     cannot read them.
//   - FAILED, CANCELED, TERMINATED or TIMED_OUT: the import ends with this
//     status and message, and adds no records ([WithPartialImports] changes that).
//   - Any other status, such as CONTINUED_AS_NEW or UNKNOWN: the task shows this status and runs
//     for its duration again. Then the server calls outcome again, with a TaskInfo.Run that is one
//     higher.
//
// By default every import completes. The function must not call the Server.
func WithTaskOutcome(outcome func(TaskInfo) (status, message string)) Option {
	return func(o *options) { o.taskOutcome = outcome }
}

// partialImport is how imports end that add only some of their records.
type partialImport struct {
	records int
	result  bool
}

// WithPartialImports makes each import add at most the first n of its records, also if it ends as
// FAILED, CANCELED, TERMINATED or TIMED_OUT (see [WithTaskOutcome]). The result of a completed task
// counts the others as skipped. A task that ended otherwise has a result only if withResult is
// true. By default a completed import adds all its records, and another one adds none and has no
// result.
func WithPartialImports(n int, withResult bool) Option {
	return func(o *options) { o.partial = &partialImport{records: max(n, 0), result: withResult} }
}

// WithTaskProgress sets the progress that tasks show. The server passes the fraction of the
// duration that has passed, from 0 to 1. A completed task has fraction 1, and a task that ended
// otherwise has fraction 0. The result is the percentage, or nil for a JSON null. If shape itself
// is nil, tasks have no progress field. By default the percentage grows evenly.
func WithTaskProgress(shape func(fraction float64) *int) Option {
	return func(o *options) { o.taskProgress = shape }
}

// WithExportTTL sets how long the URL of an export works. The default is one hour.
func WithExportTTL(d time.Duration) Option {
	return func(o *options) { o.exportTTL = d }
}

// WithRequestLog limits [Server.Requests] to the latest n requests; 0 keeps none. By default the
// log keeps all requests, so it grows as long as the server runs.
func WithRequestLog(n int) Option {
	return func(o *options) { o.requestLog = n }
}

// WithInMemoryNetwork connects clients by in-memory pipes instead of sockets, so that the server
// can run inside a [testing/synctest] bubble. Server.URL is then a loopback address that only
// [Server.HTTPClient] and [Server.Client] can reach. These clients cannot reach other hosts.
func WithInMemoryNetwork() Option {
	return func(o *options) { o.inMemory = true }
}

// SetAPIKey makes the server accept only this key from now on, as after the rotation of a service
// account's token. Server.APIKey keeps the first key, and so do existing clients and new clients of
// [Server.Client]: their calls get 401.
func (s *Server) SetAPIKey(key string) {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	s.tuned.apiKey = key
}

// SetLatency changes the setting of [WithLatency] for later requests.
func (s *Server) SetLatency(d time.Duration) {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	s.tuned.latency = d
}

// SetTaskDuration changes the setting of [WithTaskDuration] for later tasks.
func (s *Server) SetTaskDuration(d time.Duration) {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	s.tuned.taskDuration = d
}

func (s *Server) tunedNow() tuning {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	return s.tuned
}
