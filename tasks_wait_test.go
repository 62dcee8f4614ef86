package mistralobs_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// The default bounds of a pause; see [mistralobs.WaitOptions].
const (
	minPoll = 500 * time.Millisecond
	maxPoll = 30 * time.Second
)

// poll is the response to one request for a task.
type poll struct {
	status   mistralobs.TaskStatus
	progress string // JSON; "" for null
	message  string // JSON; "" for null
	result   string // JSON; "" for null
	fail     int    // an HTTP status instead of the task; -1: the connection breaks
}

func (l poll) json(id string) string {
	orNull := func(s string) string {
		if s == "" {
			return "null"
		}
		return s
	}
	return fmt.Sprintf(
		`{"id":%q,"dataset_id":%q,"status":%q,"progress":%s,"message":%s,"result":%s}`, id, datasetID, l.status,
		orNull(l.progress),
		orNull(l.message), orNull(l.result),
	)
}

// taskService answers requests for tasks. at returns the response by the id, the
// number of the poll (from 0) and the time since the service was made.
type taskService struct {
	at    func(id string, n int, since time.Duration) poll
	took  time.Duration // by a response
	began time.Time

	mu       sync.Mutex
	polls    map[string][]time.Duration
	inFlight int
	most     int
}

func newTaskService(at func(id string, n int, since time.Duration) poll) *taskService {
	return &taskService{at: at, began: time.Now(), polls: map[string][]time.Duration{}}
}

func (s *taskService) RoundTrip(req *http.Request) (*http.Response, error) {
	id := path.Base(req.URL.Path)
	s.mu.Lock()
	n := len(s.polls[id])
	s.polls[id] = append(s.polls[id], time.Since(s.began))
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	if s.took > 0 {
		select {
		case <-time.After(s.took):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	switch found := s.at(id, n, time.Since(s.began)); found.fail {
	case 0:
		return reply(req, 200, found.json(id)), nil
	case -1:
		return nil, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	default:
		return reply(req, found.fail, ""), nil
	}
}

// once returns a client that never retries, so each poll is one request.
func (s *taskService) once(t *testing.T) *mistralobs.Client {
	t.Helper()
	return clientOver(t, s, mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
}

// inOrder returns one response after the other, and then the last one again and again.
func inOrder(polls ...poll) func(string, int, time.Duration) poll {
	return func(_ string, n int, _ time.Duration) poll { return polls[min(n, len(polls)-1)] }
}

// running is a task that completes after d, with progress or without.
func running(d time.Duration, progress bool) func(string, int, time.Duration) poll {
	return func(_ string, _ int, since time.Duration) poll {
		switch {
		case since >= d:
			return poll{status: mistralobs.StatusCompleted}
		case progress:
			return poll{status: mistralobs.StatusRunning, progress: strconv.Itoa(int(100 * since / d))}
		}
		return poll{status: mistralobs.StatusRunning}
	}
}

// The pause is a tenth of the time waited, within its bounds, whatever the progress says.
func TestWaitPollsRarelyAndEndsSoon(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		takes time.Duration
		polls int // at most
	}{
		{takes: 0, polls: 1},
		{takes: 100 * time.Millisecond, polls: 2},
		{takes: time.Second, polls: 3},
		{takes: 11 * time.Second, polls: 22},
		{takes: time.Minute, polls: 42},
		{takes: 11 * time.Minute, polls: 75},
		{takes: time.Hour, polls: 185},
	} {
		t.Run(test.takes.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				completed := &mistralobs.ImportTask{ID: taskID, DatasetID: datasetID,
					Status: mistralobs.StatusCompleted}
				for range 20 { // pauses are random
					service := newTaskService(running(test.takes, false))
					task, err := service.once(t).Tasks.Wait(t.Context(), datasetID, taskID, mistralobs.WaitOptions{})
					require.NoError(t, err)
					assert.Equal(t, completed, mistralobs.WithoutRaw(task))
					polls := service.polls[taskID]
					assert.LessOrEqual(t, len(polls), test.polls, "%v", polls)
					late := min(max(minPoll, test.takes/10), maxPoll)
					assert.LessOrEqual(t, time.Since(service.began)-test.takes, late, "%v", polls)
					assert.Zero(t, polls[0], "it polls at once")
					for i := 1; i < len(polls); i++ {
						longest := min(max(minPoll, polls[i-1]/10), maxPoll)
						assert.GreaterOrEqual(t, polls[i]-polls[i-1], max(minPoll, longest*9/10))
						assert.LessOrEqual(t, polls[i]-polls[i-1], longest)
					}
				}
			})
		})
	}
}

// A poll that fails is followed by the same pause, unless the service asks for a longer one. Pauses
// that the service asks for do not end the wait.
func TestWaitPausesAfterFailures(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		after    string        // Retry-After of each failure
		deadline time.Duration // of the context; 0: none
		least    time.Duration // the shortest pause
		want     []error
		took     time.Duration
	}{
		{name: "no Retry-After", least: minPoll, want: []error{mistralobs.ErrServer}},
		{name: "a long Retry-After", after: "60", least: time.Minute},
		{
			name: "a Retry-After beyond the deadline", after: "60", deadline: 10 * time.Second,
			want: []error{mistralobs.ErrServer}, took: 0,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var polls []time.Duration
				start := time.Now()
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					polls = append(polls, time.Since(start))
					switch {
					case len(polls) > 20:
						return reply(req, 200, poll{status: "COMPLETED"}.json(taskID)), nil
					case test.after == "":
						return reply(req, 503, ""), nil
					}
					return reply(req, 503, "", "Retry-After", test.after), nil
				}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
				ctx, cancel := context.WithCancel(t.Context())
				if test.deadline > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), test.deadline)
				}
				defer cancel()
				_, err := client.Tasks.Wait(ctx, datasetID, taskID, mistralobs.WaitOptions{})
				if test.want == nil {
					require.NoError(t, err)
				}
				for _, want := range test.want {
					require.ErrorIs(t, err, want)
				}
				for i := 1; i < len(polls); i++ {
					assert.GreaterOrEqual(t, polls[i]-polls[i-1], test.least)
				}
				if test.deadline > 0 {
					assert.Zero(t, time.Since(start))
				}
			})
		})
	}
}

// A Retry-After that another call of the client got holds back the polls too. It does not end the
// wait, even if it is longer than a poll may wait.
func TestWaitOutlastsThePaceOfOthers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		deadline time.Duration
		want     error
		took     time.Duration // at least
	}{
		{name: "in time", deadline: time.Hour, took: 20 * time.Second},
		{name: "beyond the deadline", deadline: 15 * time.Second, want: mistralobs.ErrRateLimited},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					if !strings.Contains(req.URL.Path, "/tasks/") {
						return reply(req, 429, "", "Retry-After", "20"), nil
					}
					return reply(req, 200, poll{status: "COMPLETED"}.json(taskID)), nil
				}))
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				once := mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1})
				_, err := client.Datasets.Get(ctx, datasetID, once)
				require.ErrorIs(t, err, mistralobs.ErrRateLimited)

				impatient := mistralobs.WithRetry(mistralobs.RetryPolicy{MaxWait: time.Second})
				_, err = client.Tasks.Wait(ctx, datasetID, taskID, mistralobs.WaitOptions{}, impatient)

				require.ErrorIs(t, err, test.want)
				assert.GreaterOrEqual(t, time.Since(start), test.took)
				assert.Less(t, time.Since(start), 30*time.Second)
			})
		})
	}
}

// A read can lag behind the creation of the task: for ten seconds, a task that nobody has seen yet
// may be unknown.
func TestWaitUntilTheTaskAppears(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		appears time.Duration
		code    int
		want    error
		took    time.Duration // at most
	}{
		{name: "soon", appears: 5 * time.Second, code: 404, took: 6 * time.Second},
		{name: "never", appears: time.Hour, code: 404, want: mistralobs.ErrNotFound, took: 11 * time.Second},
		{name: "forbidden", appears: time.Hour, code: 403, want: mistralobs.ErrForbidden},
	} {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, all=%v", test.name, all), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					service := newTaskService(func(_ string, _ int, since time.Duration) poll {
						if since < test.appears {
							return poll{fail: test.code}
						}
						return poll{status: "COMPLETED"}
					})
					var err error
					if all {
						_, err = service.once(t).Tasks.WaitAll(t.Context(), tasksNamed(taskID),
							mistralobs.WaitOptions{})
					} else {
						_, err = service.once(t).Tasks.Wait(t.Context(), datasetID, taskID, mistralobs.WaitOptions{})
					}
					require.ErrorIs(t, err, test.want)
					assert.LessOrEqual(t, time.Since(service.began), test.took)
				})
			})
		}
	}
}

func TestWaitKeepsItsPollBounds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		least, most time.Duration
	}{
		{least: 10 * time.Second, most: 10 * time.Second},
		{least: time.Second, most: 2 * time.Second},
		{least: time.Millisecond, most: time.Hour},
		{least: time.Minute, most: time.Hour},
	} {
		t.Run(fmt.Sprintf("%v to %v", test.least, test.most), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := newTaskService(running(10*time.Minute, false))
				_, err := service.once(t).Tasks.Wait(
					t.Context(), datasetID, taskID, mistralobs.WaitOptions{MinPoll: test.least, MaxPoll: test.most},
				)
				require.NoError(t, err)
				polls := service.polls[taskID]
				require.Greater(t, len(polls), 1)
				for i := 1; i < len(polls); i++ {
					assert.GreaterOrEqual(t, polls[i]-polls[i-1], test.least)
					assert.LessOrEqual(t, polls[i]-polls[i-1], test.most)
				}
			})
		})
	}
}

func TestWaitRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for _, options := range []mistralobs.WaitOptions{
		{MinPoll: -1}, {MaxPoll: -1}, {MinPoll: -1, MaxPoll: 1}, {MinPoll: 2, MaxPoll: 1},
	} {
		service := newTaskService(nil)
		_, err := service.once(t).Tasks.Wait(t.Context(), datasetID, taskID, options)
		assert.Equal(t, set("params"), kindsOf(err), "%v", err)
		_, err = service.once(t).Tasks.WaitAll(t.Context(), tasksNamed("a"), options)
		assert.Equal(t, set("params"), kindsOf(err), "%v", err)
		assert.Empty(t, service.polls)
	}
}

func TestOnUpdate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newTaskService(inOrder(
			poll{status: "RUNNING"}, poll{status: "RUNNING"},
			poll{status: "RUNNING", progress: "0"}, poll{status: "RUNNING", progress: "0"},
			poll{status: "RUNNING", progress: "10"}, poll{fail: 503}, poll{status: "RUNNING", progress: "10"},
			poll{
				status: "RUNNING", progress: "10", message: `"half"`,
			}, poll{status: "RUNNING", progress: "10", message: `"half"`},
			poll{
				status: "RUNNING", progress: "10", message: `"more"`,
			}, poll{status: "CONTINUED_AS_NEW", progress: "10", message: `"more"`},
			poll{status: "RUNNING"}, poll{status: "COMPLETED", progress: "100"},
		))
		var told []mistralobs.ImportTask
		task, err := service.once(t).Tasks.Wait(
			t.Context(), datasetID, taskID,
			mistralobs.WaitOptions{OnUpdate: func(task *mistralobs.ImportTask) { told = append(told, *task) }},
		)
		require.NoError(t, err)
		assert.Equal(t, mistralobs.StatusCompleted, task.Status)
		told = slices.Clone(told)
		for i := range told {
			assert.Equal(t, taskID, told[i].ID)
			told[i].ID, told[i].DatasetID = "", ""
			mistralobs.WithoutRaw(&told[i])
		}
		assert.Equal(t, []mistralobs.ImportTask{
			{Status: "RUNNING"},
			{Status: "RUNNING", Progress: ptr(0)},
			{Status: "RUNNING", Progress: ptr(10)},
			{Status: "RUNNING", Progress: ptr(10), Message: ptr("half")},
			{Status: "RUNNING", Progress: ptr(10), Message: ptr("more")},
			{Status: "CONTINUED_AS_NEW", Progress: ptr(10), Message: ptr("more")},
			{Status: "RUNNING"},
			{Status: "COMPLETED", Progress: ptr(100)},
		}, told)
	})
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	run := poll{status: "RUNNING", progress: "10"}
	done := poll{status: "COMPLETED"}
	fails := func(status, times int) []poll { return slices.Repeat([]poll{{fail: status}}, times) }
	for _, test := range []struct {
		name   string
		polls  []poll
		status mistralobs.TaskStatus // of the task that is returned; "" for none
		kinds  map[string]bool       // of the error; nil: none
		task   bool                  // it is a *TaskError
		text   string
	}{
		{name: "completed", polls: []poll{run, done}, status: "COMPLETED"},
		{
			name: "failed", polls: []poll{run, {status: "FAILED", message: `"line 3 is bad"`}}, status: "FAILED",
			kinds: set("maybe applied"), task: true, text: "ended as FAILED: line 3 is bad",
		},
		{
			name: "failed at the first poll", polls: []poll{{status: "FAILED"}}, status: "FAILED",
			kinds: set("maybe applied"),
			task:  true, text: "ended as FAILED",
		},
		{
			name: "canceled", polls: []poll{run, {status: "CANCELED"}}, status: "CANCELED",
			kinds: set("maybe applied"), task: true,
			text: "ended as CANCELED",
		},
		{
			name: "terminated", polls: []poll{run, {status: "TERMINATED"}}, status: "TERMINATED",
			kinds: set("maybe applied"),
			task:  true, text: "ended as TERMINATED",
		},
		{
			name: "timed out", polls: []poll{run, {status: "TIMED_OUT"}}, status: "TIMED_OUT",
			kinds: set("maybe applied"), task: true,
			text: "ended as TIMED_OUT",
		},
		{
			name:   "failed with a result that counts nothing",
			polls:  []poll{{status: "FAILED", result: `{"requested_record_count":60}`}},
			status: "FAILED", kinds: set("maybe applied"), task: true, text: "some records may have been imported",
		},
		{
			name:   "failed with a result that makes no sense",
			polls:  []poll{{status: "FAILED", result: `{"imported_record_count":-1}`}},
			status: "FAILED", kinds: set("maybe applied"), task: true, text: "some records may have been imported",
		},
		{
			name:   "failed, and imported nothing",
			polls:  []poll{{status: "FAILED", result: `{"imported_record_count":0}`}},
			status: "FAILED", kinds: set(), task: true, text: "0 of 0 records were imported",
		},
		{name: "unknown goes on", polls: []poll{{status: "UNKNOWN"}, done}, status: "COMPLETED"},
		{name: "continued as new goes on", polls: []poll{{status: "CONTINUED_AS_NEW"}, run, done}, status: "COMPLETED"},
		{name: "a status of tomorrow goes on", polls: []poll{{status: "PAUSED"}, done}, status: "COMPLETED"},
		{name: "no status goes on", polls: []poll{{}, done}, status: "COMPLETED"},

		{
			name: "vanished", polls: []poll{run, {fail: 404}}, status: "RUNNING",
			kinds: set("not found", "maybe applied"), task: true,
			text: "no longer exists, its last status was RUNNING",
		},
		{
			name: "vanished after failures", polls: slices.Concat([]poll{run}, fails(503, 2), fails(404, 1)),
			status: "RUNNING", kinds: set("not found", "maybe applied"), task: true, text: "no longer exists",
		},

		{name: "no key", polls: []poll{run, {fail: 401}}, status: "RUNNING", kinds: set("unauthorized"), text: taskID},
		{name: "no right", polls: []poll{run, {fail: 403}}, status: "RUNNING", kinds: set("forbidden"), text: taskID},
		{
			name: "a bad request", polls: []poll{run, {fail: 422}}, status: "RUNNING", kinds: set("validation"),
			text: taskID,
		},
		{name: "no right at once", polls: fails(403, 1), kinds: set("forbidden"), text: taskID},

		{
			name: "four failures to connect", polls: append(slices.Concat([]poll{run}, fails(-1, 4)), done),
			status: "COMPLETED",
		},
		{name: "four 408", polls: append(slices.Concat([]poll{run}, fails(408, 4)), done), status: "COMPLETED"},
		{name: "four 429", polls: append(slices.Concat([]poll{run}, fails(429, 4)), done), status: "COMPLETED"},
		{name: "four 500", polls: append(slices.Concat([]poll{run}, fails(500, 4)), done), status: "COMPLETED"},
		{name: "four 502", polls: append(slices.Concat([]poll{run}, fails(502, 4)), done), status: "COMPLETED"},
		{name: "four 503", polls: append(slices.Concat([]poll{run}, fails(503, 4)), done), status: "COMPLETED"},
		{name: "four 504", polls: append(slices.Concat([]poll{run}, fails(504, 4)), done), status: "COMPLETED"},
		{name: "four failures at the start", polls: append(fails(503, 4), done), status: "COMPLETED"},
		{
			name:   "four failures twice",
			polls:  append(slices.Concat([]poll{run}, fails(503, 4), []poll{run}, fails(503, 4)), done),
			status: "COMPLETED",
		},
		{
			name: "five failures", polls: append(slices.Concat([]poll{run}, fails(503, 5)), done), status: "RUNNING",
			kinds: set("server"), text: taskID,
		},
		{
			name:  "five failures of all sorts",
			polls: []poll{run, {fail: -1}, {fail: 500}, {fail: 429}, {fail: -1}, {fail: 504}, done}, status: "RUNNING",
			kinds: set("server", "timeout"), text: taskID,
		},
		{name: "five failures at the start", polls: append(fails(-1, 5), done), kinds: set("reset"), text: taskID},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := newTaskService(inOrder(test.polls...))
				task, err := service.once(t).Tasks.Wait(t.Context(), datasetID, taskID, mistralobs.WaitOptions{})
				if test.status == "" {
					assert.Nil(t, task)
				} else {
					require.NotNil(t, task)
					assert.Equal(t, test.status, task.Status)
				}
				if test.kinds == nil {
					assert.NoError(t, err)
				} else {
					assert.Equal(t, test.kinds, kindsOf(err), "%v", err)
					assert.ErrorContains(t, err, test.text)
				}
				var ended *mistralobs.TaskError
				assert.Equal(t, test.task, errors.As(err, &ended))
				if test.task {
					assert.Same(t, task, ended.Task)
				}
				if test.kinds != nil && !strings.HasPrefix(test.name, "five") {
					assert.Len(t, service.polls[taskID], len(test.polls))
				}
			})
		})
	}
}

func TestWaitEndsAtOnceWithAnAnswerThatIsNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			return reply(req, 200, "<html>Sign in</html>"), nil
		}))
		task, err := client.Tasks.Wait(t.Context(), datasetID, taskID, mistralobs.WaitOptions{})
		assert.Nil(t, task)
		assert.Equal(t, set("unexpected"), kindsOf(err), "%v", err)
		assert.Equal(t, 1, requests)
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		took time.Duration // of a poll
		end  time.Duration // of the context
		seen bool
	}{
		{name: "before"},
		{name: "during the first poll", took: 10 * time.Second, end: 5 * time.Second},
		{name: "between polls", end: 100*time.Second + time.Millisecond, seen: true},
		{name: "during a later poll", took: 10 * time.Second, end: 12 * time.Second, seen: true},
	} {
		for _, all := range []bool{false, true} {
			for _, deadline := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/all=%v/deadline=%v", test.name, all, deadline), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						service := newTaskService(inOrder(poll{status: "RUNNING"}))
						service.took = test.took
						ctx, cancel := context.WithCancel(t.Context())
						want := context.Canceled
						if deadline {
							ctx, cancel = context.WithTimeout(t.Context(), test.end)
							want = context.DeadlineExceeded
						} else if test.end == 0 {
							cancel()
						} else {
							time.AfterFunc(test.end, cancel)
						}
						defer cancel()
						var task *mistralobs.ImportTask
						var err error
						if all {
							var tasks []*mistralobs.ImportTask
							tasks, err = service.once(t).Tasks.WaitAll(
								ctx, tasksNamed(taskID), mistralobs.WaitOptions{},
							)
							require.Len(t, tasks, 1)
							task = tasks[0]
						} else {
							task, err = service.once(t).Tasks.Wait(ctx, datasetID, taskID, mistralobs.WaitOptions{})
						}
						assert.ErrorIs(t, err, want)
						var ended *mistralobs.TaskError
						assert.NotErrorAs(t, err, &ended)
						assert.Equal(t, test.end, time.Since(service.began), "at once")
						if test.seen || all {
							assert.Equal(t, mistralobs.StatusRunning, task.Status)
							assert.Equal(t, taskID, task.ID)
						} else {
							assert.Nil(t, task)
						}
					})
				})
			}
		}
	}
}

// A context that ends while a poll fails for another reason ends the wait.
func TestWaitEndsWithItsContextDuringAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		service := newTaskService(func(string, int, time.Duration) poll {
			cancel()
			return poll{fail: 503}
		})
		_, err := service.once(t).Tasks.Wait(ctx, datasetID, taskID, mistralobs.WaitOptions{})
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, mistralobs.ErrServer)
	})
}

func TestWaitWithoutContext(t *testing.T) {
	t.Parallel()
	var none context.Context
	client := newTaskService(inOrder(poll{status: "RUNNING"})).once(t)
	assert.NotPanics(t, func() {
		_, err := client.Tasks.Wait(none, datasetID, taskID, mistralobs.WaitOptions{})
		assert.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	})
	assert.NotPanics(t, func() {
		_, err := client.Tasks.WaitAll(none, tasksNamed("a"), mistralobs.WaitOptions{})
		assert.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	})
}

// tasksNamed are running tasks of these ids.
func tasksNamed(ids ...string) []*mistralobs.ImportTask {
	var tasks []*mistralobs.ImportTask
	for _, id := range ids {
		tasks = append(tasks, &mistralobs.ImportTask{ID: id, DatasetID: datasetID, Status: mistralobs.StatusRunning})
	}
	return tasks
}

// statusesOf returns what each task is, in order, as "id STATUS".
func statusesOf(tasks []*mistralobs.ImportTask) []string {
	var all []string
	for _, task := range tasks {
		all = append(all, task.ID+" "+string(task.Status))
	}
	return all
}

func TestWaitAllKeepsTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newTaskService(func(id string, n int, since time.Duration) poll {
			takes := map[string]time.Duration{"slow": time.Hour, "middle": time.Minute, "quick": time.Second}[id]
			return running(takes, true)(id, n, since)
		})
		tasks, err := service.once(t).Tasks.WaitAll(
			t.Context(), tasksNamed("slow", "quick", "middle"), mistralobs.WaitOptions{},
		)
		require.NoError(t, err)
		assert.Equal(t, []string{"slow COMPLETED", "quick COMPLETED", "middle COMPLETED"}, statusesOf(tasks))
		assert.LessOrEqual(t, time.Since(service.began), time.Hour+maxPoll, "all at once")
	})
}

func TestWaitAllOfNothing(t *testing.T) {
	t.Parallel()
	tasks, err := newTaskService(nil).once(t).Tasks.WaitAll(t.Context(), nil, mistralobs.WaitOptions{})
	require.NoError(t, err)
	assert.Empty(t, tasks)
}

func TestWaitAllOutlivesBadEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newTaskService(func(id string, _ int, since time.Duration) poll {
			switch {
			case id == "b" && since > time.Second:
				return poll{status: "FAILED", message: `"bad line"`}
			case id == "c" && since > time.Minute:
				return poll{status: "TIMED_OUT"}
			case since > time.Hour:
				return poll{status: "COMPLETED"}
			}
			return poll{status: "RUNNING"}
		})
		tasks, err := service.once(t).Tasks.WaitAll(
			t.Context(), tasksNamed("a", "b", "c", "d"), mistralobs.WaitOptions{},
		)
		assert.Equal(t, []string{"a COMPLETED", "b FAILED", "c TIMED_OUT", "d COMPLETED"}, statusesOf(tasks))
		const maybe = "; some records may have been imported"
		assert.EqualError(t, err, "mistralobs: import task b ended as FAILED: bad line"+maybe+
			"\nmistralobs: import task c ended as TIMED_OUT"+maybe)
		var ended *mistralobs.TaskError
		require.ErrorAs(t, err, &ended)
		assert.Same(t, tasks[1], ended.Task)
		assert.NotErrorIs(t, err, context.Canceled)
	})
}

func TestWaitAllEndsEarly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		fail  int
		kinds map[string]bool
		task  bool
	}{
		{name: "one that has vanished", fail: 404, kinds: set("not found", "maybe applied"), task: true},
		{name: "no permission", fail: 403, kinds: set("forbidden")},
		{name: "no key", fail: 401, kinds: set("unauthorized")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := newTaskService(func(id string, _ int, since time.Duration) poll {
					if id == "c" && since > time.Minute {
						return poll{fail: test.fail}
					}
					return poll{status: "RUNNING", progress: "10"}
				})
				tasks, err := service.once(t).Tasks.WaitAll(
					t.Context(), tasksNamed("a", "b", "c"), mistralobs.WaitOptions{},
				)
				assert.Equal(t, test.kinds, kindsOf(err), "%v", err)
				var ended *mistralobs.TaskError
				assert.Equal(t, test.task, errors.As(err, &ended))
				assert.Equal(t, []string{"a RUNNING", "b RUNNING", "c RUNNING"}, statusesOf(tasks))
				assert.Equal(t, ptr(10), tasks[0].Progress, "as last seen")
				assert.Less(t, time.Since(service.began), 2*time.Minute)
				assert.Zero(t, service.inFlight)
			})
		})
	}
}

// OnUpdate runs in the caller's goroutine, where its panic can be recovered. No wait goes on after
// that.
func TestWaitAllRaisesPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newTaskService(inOrder(poll{status: "RUNNING"}))
		assert.PanicsWithValue(t, "oh", func() {
			options := mistralobs.WaitOptions{OnUpdate: func(*mistralobs.ImportTask) { panic("oh") }}
			_, _ = service.once(t).Tasks.WaitAll(t.Context(), tasksNamed("a", "b", "c"), options)
		})
		assert.Zero(t, service.inFlight)
	})
}

// Several requests are in flight, so there is no last response to store.
func TestWaitAllRefusesWithResponse(t *testing.T) {
	t.Parallel()
	service := newTaskService(nil)
	var response mistralobs.Response
	_, err := service.once(t).Tasks.WaitAll(t.Context(), tasksNamed("a"), mistralobs.WaitOptions{},
		mistralobs.WithResponse(&response))
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	assert.Empty(t, service.polls)
}

// The options of a call hold for each poll.
func TestWaitTakesCallOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newTaskService(inOrder(poll{status: "RUNNING"}, poll{status: "COMPLETED"}))
		var response mistralobs.Response
		_, err := service.once(t).Tasks.Wait(t.Context(), datasetID, taskID, mistralobs.WaitOptions{},
			mistralobs.WithResponse(&response))
		require.NoError(t, err)
		assert.Contains(t, string(response.Body), "COMPLETED")
	})
}

func TestWaitAllDoesNotAskForWhatHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newTaskService(inOrder(poll{status: "RUNNING"}, poll{status: "COMPLETED"}))
		given := tasksNamed("a", "b", "c")
		given[0].Status, given[2].Status = mistralobs.StatusCompleted, mistralobs.StatusFailed
		var told []string
		tasks, err := service.once(t).Tasks.WaitAll(t.Context(), given, mistralobs.WaitOptions{OnUpdate: func(
			task *mistralobs.ImportTask,
		) {
			told = append(told, task.ID+" "+string(task.Status))
		}})
		assert.EqualError(t, err, "mistralobs: import task c ended as FAILED; some records may have been imported")
		assert.Equal(t, []string{"a COMPLETED", "b COMPLETED", "c FAILED"}, statusesOf(tasks))
		assert.Equal(t, []string{"b"}, keysOf(service.polls))
		assert.ElementsMatch(t, []string{"a COMPLETED", "b RUNNING", "b COMPLETED", "c FAILED"}, told)
		assert.Equal(t, mistralobs.StatusRunning, given[1].Status, "what was given is not written to")
	})
}

func keysOf[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

func TestWaitAllRefusesNil(t *testing.T) {
	t.Parallel()
	service := newTaskService(nil)
	_, err := service.once(t).Tasks.WaitAll(t.Context(), append(tasksNamed("a"), nil), mistralobs.WaitOptions{})
	assert.Equal(t, set("params"), kindsOf(err), "%v", err)
	assert.ErrorContains(t, err, "index 1")
	assert.Empty(t, service.polls)
}

func TestWaitAllOfManyTasks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newTaskService(running(time.Minute, true))
		service.took = 10 * time.Millisecond
		var ids []string
		for i := range 200 {
			ids = append(ids, fmt.Sprint("task-", i))
		}
		inside, overlaps, ended := 0, 0, map[string]int{}
		tasks, err := service.once(t).Tasks.WaitAll(t.Context(), tasksNamed(ids...), mistralobs.WaitOptions{OnUpdate: func(
			task *mistralobs.ImportTask,
		) {
			if inside++; inside > 1 {
				overlaps++
			}
			time.Sleep(time.Microsecond) // lets others in, if anything does
			if task.Status.Done() {
				ended[task.ID]++
			}
			inside--
		}})
		require.NoError(t, err)
		require.Len(t, tasks, 200)
		for i, task := range tasks {
			assert.Equal(t, ids[i]+" COMPLETED", task.ID+" "+string(task.Status))
			assert.Equal(t, 1, ended[task.ID])
		}
		assert.Zero(t, overlaps)
		assert.Equal(t, 16, service.most, "polls in flight")
		assert.Less(t, time.Since(service.began), 70*time.Second)
	})
}
