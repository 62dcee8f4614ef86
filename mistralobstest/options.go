package mistralobstest

import (
	"time"

	"golang.org/x/time/rate"
)

// DefaultAPIKey is the key that a server accepts unless [WithAPIKey] says
// otherwise. It is no secret.
const DefaultAPIKey = "test-key"

const (
	defaultTaskDuration = 50 * time.Millisecond
	defaultExportTTL    = time.Hour
)

// An Option changes a server that is being made.
type Option func(*options)

type options struct {
	apiKey       string
	now          func() time.Time
	tuning       tuning
	perSecond    float64
	burst        int
	taskOutcome  func(TaskInfo) (status, message string)
	taskProgress func(fraction float64) *int
	exportTTL    time.Duration
	requestLog   int
	inMemory     bool
}

// tuning is what may be changed while the server runs.
type tuning struct {
	latency      time.Duration
	taskDuration time.Duration
}

func defaultOptions() options {
	return options{
		apiKey:       DefaultAPIKey,
		now:          time.Now,
		tuning:       tuning{taskDuration: defaultTaskDuration},
		taskOutcome:  completeTask,
		taskProgress: linearProgress,
		exportTTL:    defaultExportTTL,
		requestLog:   -1,
	}
}

// WithAPIKey sets the key that the server accepts. The default is
// [DefaultAPIKey].
func WithAPIKey(key string) Option {
	return func(o *options) { o.apiKey = key }
}

// WithClock sets the clock of the data: creation and update times, the
// progress of tasks, and what has expired. The default is [time.Now]. Waits
// (latency, stalls, rate limit) stay on the real clock. The function is
// called by many goroutines at once and must not call the Server.
func WithClock(now func() time.Time) Option {
	return func(o *options) { o.now = now }
}

// WithLatency makes every answer wait so long before the operation is carried
// out (an upload: after its body was read). The default is none. A request
// whose client leaves during the wait is not carried out.
func WithLatency(d time.Duration) Option {
	return func(o *options) { o.tuning.latency = d }
}

// WithTaskDuration sets how long an import runs. The default is 50 ms; with 0
// an import is answered as RUNNING and is over at the next request.
func WithTaskDuration(d time.Duration) Option {
	return func(o *options) { o.tuning.taskDuration = d }
}

// WithTaskOutcome decides how imports end. It is asked when a task's duration
// is over. "" and COMPLETED let the import have its own outcome; FAILED,
// CANCELED, TERMINATED and TIMED_OUT end the task so, with the message and
// without records; any other status (CONTINUED_AS_NEW, UNKNOWN, or one that
// does not exist) is shown while the task runs for its duration once more,
// after which the function is asked again with the next Run. The default lets
// every import have its own outcome. The function must not call the Server.
func WithTaskOutcome(outcome func(TaskInfo) (status, message string)) Option {
	return func(o *options) { o.taskOutcome = outcome }
}

// WithTaskProgress shapes the progress that a running task shows: fraction is
// the part of its duration that has passed, from 0 up to 1, and the result
// the percentage, or nil for a JSON null. With a nil shape the field is absent
// from every task. The default grows evenly; an ended task that completed
// shows 100 unless the shape answers nil.
func WithTaskProgress(shape func(fraction float64) *int) Option {
	return func(o *options) { o.taskProgress = shape }
}

// WithRateLimit answers 429, with Retry-After in seconds, to API requests
// beyond so many a second on average and burst at once. The default, and any
// perSecond that is not above 0, is no limit. Export links are not limited.
func WithRateLimit(perSecond float64, burst int) Option {
	return func(o *options) { o.perSecond, o.burst = perSecond, burst }
}

// WithExportTTL sets how long an export link works. The default is an hour.
func WithExportTTL(d time.Duration) Option {
	return func(o *options) { o.exportTTL = d }
}

// WithRequestLog keeps only the latest most requests for [Server.Requests];
// with 0 none. The default keeps all, which a server that runs for long
// should not.
func WithRequestLog(most int) Option {
	return func(o *options) { o.requestLog = most }
}

// WithInMemoryNetwork makes the server listen on connections that are pipes in
// memory instead of sockets, so that it can live inside a [testing/synctest]
// bubble. URL then names a loopback address that only [Server.HTTPClient] and
// [Server.Client] can reach; these refuse every other host.
func WithInMemoryNetwork() Option {
	return func(o *options) { o.inMemory = true }
}

// SetLatency changes what WithLatency set, for requests that come later.
func (s *Server) SetLatency(d time.Duration) {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	s.tuned.latency = d
}

// SetTaskDuration changes what WithTaskDuration set, for tasks created later.
func (s *Server) SetTaskDuration(d time.Duration) {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	s.tuned.taskDuration = d
}

// SetRateLimit changes what WithRateLimit set and starts with a full burst.
func (s *Server) SetRateLimit(perSecond float64, burst int) {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	s.limiter = newLimiter(perSecond, burst)
}

func (s *Server) tunedNow() tuning {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	return s.tuned
}

func newLimiter(perSecond float64, burst int) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(burst, 1))
}
