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

// look is what a request for a task finds.
type look struct {
	status   mistralobs.TaskStatus
	progress string // JSON; "" for null
	message  string // JSON; "" for null
	fail     int    // HTTP status instead; -1: the connection breaks
}

func (l look) json(id string) string {
	orNull := func(s string) string {
		if s == "" {
			return "null"
		}
		return s
	}
	return fmt.Sprintf(`{"id":%q,"dataset_id":%q,"status":%q,"progress":%s,"message":%s}`, id, datasetID, l.status, orNull(l.progress), orNull(l.message))
}

// taskService tells how tasks are, by their ids, the number of the look at each
// (from 0), and the time since the service was made.
type taskService struct {
	at    func(id string, n int, since time.Duration) look
	took  time.Duration // to answer
	began time.Time

	mu       sync.Mutex
	looks    map[string][]time.Duration
	inFlight int
	most     int
}

func newTaskService(at func(id string, n int, since time.Duration) look) *taskService {
	return &taskService{at: at, began: time.Now(), looks: map[string][]time.Duration{}}
}

func (s *taskService) RoundTrip(req *http.Request) (*http.Response, error) {
	id := path.Base(req.URL.Path)
	s.mu.Lock()
	n := len(s.looks[id])
	s.looks[id] = append(s.looks[id], time.Since(s.began))
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

// once is a client that does not repeat: each look is one request.
func (s *taskService) once(t *testing.T) *mistralobs.Client {
	t.Helper()
	return clientOver(t, s, mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
}

// inOrder shows one look after the other, the last for ever.
func inOrder(looks ...look) func(string, int, time.Duration) look {
	return func(_ string, n int, _ time.Duration) look { return looks[min(n, len(looks)-1)] }
}

// running is a task that completes after so long, with its progress or without.
func running(d time.Duration, progress bool) func(string, int, time.Duration) look {
	return func(_ string, _ int, since time.Duration) look {
		switch {
		case since >= d:
			return look{status: mistralobs.StatusCompleted}
		case progress:
			return look{status: mistralobs.StatusRunning, progress: strconv.Itoa(int(100 * since / d))}
		}
		return look{status: mistralobs.StatusRunning}
	}
}

func TestWaitLooksRarelyAndEndsSoon(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		takes    time.Duration
		progress bool
		looks    int           // at most
		over     time.Duration // what is waited in vain, at most
	}{
		{0, false, 1, 0},
		{100 * time.Millisecond, false, 2, 300 * time.Millisecond},
		{100 * time.Millisecond, true, 2, 300 * time.Millisecond},
		{time.Second, false, 4, 500 * time.Millisecond},
		{time.Second, true, 5, 500 * time.Millisecond},
		{11 * time.Second, false, 14, 1500 * time.Millisecond},
		{11 * time.Second, true, 20, 550 * time.Millisecond},
		{time.Minute, false, 22, 3 * time.Second},
		{time.Minute, true, 30, 3 * time.Second},
		{11 * time.Minute, false, 33, 90 * time.Second},
		{11 * time.Minute, true, 35, 33 * time.Second},
		{time.Hour, false, 40, 3 * time.Minute},
		{time.Hour, true, 40, 3 * time.Minute},
	} {
		t.Run(fmt.Sprintf("%v, progress %v", test.takes, test.progress), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for range 20 { // pauses are random
					service := newTaskService(running(test.takes, test.progress))
					task, err := service.once(t).Tasks.Wait(t.Context(), datasetID, taskID)
					require.NoError(t, err)
					assert.Equal(t, &mistralobs.ImportTask{ID: taskID, DatasetID: datasetID, Status: mistralobs.StatusCompleted}, task)
					looks := service.looks[taskID]
					assert.LessOrEqual(t, len(looks), test.looks, "%v", looks)
					assert.LessOrEqual(t, time.Since(service.began)-test.takes, test.over, "%v", looks)
					assert.Zero(t, looks[0], "it looks at once")
					for i := 1; i < len(looks); i++ {
						pause := looks[i] - looks[i-1]
						assert.GreaterOrEqual(t, pause, mistralobs.DefaultMinPoll)
						assert.LessOrEqual(t, pause, mistralobs.DefaultMaxPoll)
					}
				}
			})
		})
	}
}

// Progress that stands still, or that makes no sense, does not make it look more often.
func TestWaitWithOddProgress(t *testing.T) {
	t.Parallel()
	for name, progress := range map[string]func(n int) string{
		"stands still at 99":  func(n int) string { return strconv.Itoa(min(99, n*20)) },
		"stands still at 100": func(n int) string { return strconv.Itoa(min(100, n*20)) },
		"stands still at 0":   func(int) string { return "0" },
		"falls":               func(n int) string { return strconv.Itoa(100 - n) },
		"jumps":               func(n int) string { return strconv.Itoa(n * 37 % 101) },
		"is beyond 100":       func(n int) string { return strconv.Itoa(n * 1000) },
		"is negative":         func(n int) string { return strconv.Itoa(-n) },
		"comes and goes":      func(n int) string { return []string{"", strconv.Itoa(min(99, n))}[n%2] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := newTaskService(func(_ string, n int, since time.Duration) look {
					if since >= time.Hour {
						return look{status: mistralobs.StatusCompleted}
					}
					return look{status: mistralobs.StatusRunning, progress: progress(n)}
				})
				_, err := service.once(t).Tasks.Wait(t.Context(), datasetID, taskID)
				require.NoError(t, err)
				assert.LessOrEqual(t, len(service.looks[taskID]), 40)
				assert.LessOrEqual(t, time.Since(service.began), time.Hour+mistralobs.DefaultMaxPoll)
			})
		})
	}
}

func TestWithPollInterval(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		least, most time.Duration
	}{
		{10 * time.Second, 10 * time.Second},
		{time.Second, 2 * time.Second},
		{time.Millisecond, time.Hour},
		{time.Minute, time.Hour},
	} {
		t.Run(fmt.Sprintf("%v to %v", test.least, test.most), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := newTaskService(running(10*time.Minute, false))
				_, err := service.once(t).Tasks.Wait(t.Context(), datasetID, taskID, mistralobs.WithPollInterval(test.least, test.most))
				require.NoError(t, err)
				looks := service.looks[taskID]
				require.Greater(t, len(looks), 1)
				for i := 1; i < len(looks); i++ {
					assert.GreaterOrEqual(t, looks[i]-looks[i-1], test.least)
					assert.LessOrEqual(t, looks[i]-looks[i-1], test.most)
				}
			})
		})
	}
}

func TestWaitRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for _, interval := range [][2]time.Duration{{0, 1}, {-1, 1}, {2, 1}, {0, 0}} {
		service := newTaskService(nil)
		_, err := service.once(t).Tasks.Wait(t.Context(), datasetID, taskID, mistralobs.WithPollInterval(interval[0], interval[1]))
		assert.Equal(t, set("params"), kindsOf(err), "%v", err)
		_, err = service.once(t).Tasks.WaitAll(t.Context(), tasksNamed("a"), mistralobs.WithPollInterval(interval[0], interval[1]))
		assert.Equal(t, set("params"), kindsOf(err), "%v", err)
		assert.Empty(t, service.looks)
	}
}

func TestOnTaskUpdate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newTaskService(inOrder(
			look{status: "RUNNING"}, look{status: "RUNNING"},
			look{status: "RUNNING", progress: "0"}, look{status: "RUNNING", progress: "0"},
			look{status: "RUNNING", progress: "10"}, look{fail: 503}, look{status: "RUNNING", progress: "10"},
			look{status: "RUNNING", progress: "10", message: `"half"`}, look{status: "RUNNING", progress: "10", message: `"half"`},
			look{status: "RUNNING", progress: "10", message: `"more"`}, look{status: "CONTINUED_AS_NEW", progress: "10", message: `"more"`},
			look{status: "RUNNING"}, look{status: "COMPLETED", progress: "100"},
		))
		var told []mistralobs.ImportTask
		task, err := service.once(t).Tasks.Wait(t.Context(), datasetID, taskID, mistralobs.OnTaskUpdate(func(task *mistralobs.ImportTask) { told = append(told, *task) }))
		require.NoError(t, err)
		assert.Equal(t, mistralobs.StatusCompleted, task.Status)
		told = slices.Clone(told)
		for i := range told {
			assert.Equal(t, taskID, told[i].ID)
			told[i].ID, told[i].DatasetID = "", ""
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
	run := look{status: "RUNNING", progress: "10"}
	done := look{status: "COMPLETED"}
	fails := func(status, times int) []look { return slices.Repeat([]look{{fail: status}}, times) }
	for _, test := range []struct {
		name   string
		looks  []look
		status mistralobs.TaskStatus // of the task that is returned; "" for none
		kinds  map[string]bool       // of the error; nil: none
		task   bool                  // it is a *TaskError
		text   string
	}{
		{"completed", []look{run, done}, "COMPLETED", nil, false, ""},
		{"failed", []look{run, {status: "FAILED", message: `"line 3 is bad"`}}, "FAILED", set(), true, "ended as FAILED: line 3 is bad"},
		{"failed at the first look", []look{{status: "FAILED"}}, "FAILED", set(), true, "ended as FAILED"},
		{"canceled", []look{run, {status: "CANCELED"}}, "CANCELED", set(), true, "ended as CANCELED"},
		{"terminated", []look{run, {status: "TERMINATED"}}, "TERMINATED", set(), true, "ended as TERMINATED"},
		{"timed out", []look{run, {status: "TIMED_OUT"}}, "TIMED_OUT", set(), true, "ended as TIMED_OUT"},
		{"unknown goes on", []look{{status: "UNKNOWN"}, done}, "COMPLETED", nil, false, ""},
		{"continued as new goes on", []look{{status: "CONTINUED_AS_NEW"}, run, done}, "COMPLETED", nil, false, ""},
		{"a status of tomorrow goes on", []look{{status: "PAUSED"}, done}, "COMPLETED", nil, false, ""},
		{"no status goes on", []look{{}, done}, "COMPLETED", nil, false, ""},

		{"never there", fails(404, 1), "", set("not found"), false, "waiting for import task " + taskID},
		{"vanished", []look{run, {fail: 404}}, "RUNNING", set("not found"), true, "no longer exists, its last status was RUNNING"},
		{"vanished after failures", slices.Concat([]look{run}, fails(503, 2), fails(404, 1)), "RUNNING", set("not found"), true, "no longer exists"},
		{"never there after failures", slices.Concat(fails(503, 2), fails(404, 1)), "", set("not found"), false, taskID},

		{"no key", []look{run, {fail: 401}}, "RUNNING", set("unauthorized"), false, taskID},
		{"no right", []look{run, {fail: 403}}, "RUNNING", set("forbidden"), false, taskID},
		{"a bad request", []look{run, {fail: 422}}, "RUNNING", set("validation"), false, taskID},
		{"no right at once", fails(403, 1), "", set("forbidden"), false, taskID},

		{"four failures to connect", append(slices.Concat([]look{run}, fails(-1, 4)), done), "COMPLETED", nil, false, ""},
		{"four 408", append(slices.Concat([]look{run}, fails(408, 4)), done), "COMPLETED", nil, false, ""},
		{"four 429", append(slices.Concat([]look{run}, fails(429, 4)), done), "COMPLETED", nil, false, ""},
		{"four 500", append(slices.Concat([]look{run}, fails(500, 4)), done), "COMPLETED", nil, false, ""},
		{"four 502", append(slices.Concat([]look{run}, fails(502, 4)), done), "COMPLETED", nil, false, ""},
		{"four 503", append(slices.Concat([]look{run}, fails(503, 4)), done), "COMPLETED", nil, false, ""},
		{"four 504", append(slices.Concat([]look{run}, fails(504, 4)), done), "COMPLETED", nil, false, ""},
		{"four failures at the start", append(fails(503, 4), done), "COMPLETED", nil, false, ""},
		{"four failures twice", append(slices.Concat([]look{run}, fails(503, 4), []look{run}, fails(503, 4)), done), "COMPLETED", nil, false, ""},
		{"five failures", append(slices.Concat([]look{run}, fails(503, 5)), done), "RUNNING", set("server"), false, taskID},
		{"five failures of all sorts", []look{run, {fail: -1}, {fail: 500}, {fail: 429}, {fail: -1}, {fail: 504}, done}, "RUNNING", set("server", "timeout"), false, taskID},
		{"five failures at the start", append(fails(-1, 5), done), "", set("reset"), false, taskID},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := newTaskService(inOrder(test.looks...))
				task, err := service.once(t).Tasks.Wait(t.Context(), datasetID, taskID)
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
					assert.Len(t, service.looks[taskID], len(test.looks))
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
		task, err := client.Tasks.Wait(t.Context(), datasetID, taskID)
		assert.Nil(t, task)
		assert.Equal(t, set("unexpected"), kindsOf(err), "%v", err)
		assert.Equal(t, 1, requests)
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		took time.Duration // of a look
		end  time.Duration // of the context
		seen bool
	}{
		{"before", 0, 0, false},
		{"during the first look", 10 * time.Second, 5 * time.Second, false},
		{"between looks", 0, 100*time.Second + time.Millisecond, true},
		{"during a later look", 10 * time.Second, 12 * time.Second, true},
	} {
		for _, all := range []bool{false, true} {
			for _, deadline := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/all=%v/deadline=%v", test.name, all, deadline), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						service := newTaskService(inOrder(look{status: "RUNNING"}))
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
							tasks, err = service.once(t).Tasks.WaitAll(ctx, tasksNamed(taskID))
							require.Len(t, tasks, 1)
							task = tasks[0]
						} else {
							task, err = service.once(t).Tasks.Wait(ctx, datasetID, taskID)
						}
						assert.ErrorIs(t, err, want)
						var ended *mistralobs.TaskError
						assert.NotErrorAs(t, err, &ended)
						assert.Equal(t, test.end, time.Since(service.began), "at once")
						if test.seen || all {
							assert.Equal(t, &mistralobs.ImportTask{ID: taskID, DatasetID: datasetID, Status: mistralobs.StatusRunning}, task)
						} else {
							assert.Nil(t, task)
						}
					})
				})
			}
		}
	}
}

// A context that ends while a look fails for another reason has ended the wait all the same.
func TestWaitEndsWithItsContextDuringAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		service := newTaskService(func(string, int, time.Duration) look {
			cancel()
			return look{fail: 503}
		})
		_, err := service.once(t).Tasks.Wait(ctx, datasetID, taskID)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, mistralobs.ErrServer)
	})
}

func TestWaitWithoutContext(t *testing.T) {
	t.Parallel()
	var none context.Context
	client := newTaskService(inOrder(look{status: "RUNNING"})).once(t)
	assert.NotPanics(t, func() {
		_, err := client.Tasks.Wait(none, datasetID, taskID)
		assert.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	})
	assert.NotPanics(t, func() {
		_, err := client.Tasks.WaitAll(none, tasksNamed("a"))
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
		service := newTaskService(func(id string, n int, since time.Duration) look {
			return running(map[string]time.Duration{"slow": time.Hour, "middle": time.Minute, "quick": time.Second}[id], true)(id, n, since)
		})
		tasks, err := service.once(t).Tasks.WaitAll(t.Context(), tasksNamed("slow", "quick", "middle"))
		require.NoError(t, err)
		assert.Equal(t, []string{"slow COMPLETED", "quick COMPLETED", "middle COMPLETED"}, statusesOf(tasks))
		assert.LessOrEqual(t, time.Since(service.began), time.Hour+mistralobs.DefaultMaxPoll, "all at once")
	})
}

func TestWaitAllOfNothing(t *testing.T) {
	t.Parallel()
	tasks, err := newTaskService(nil).once(t).Tasks.WaitAll(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, tasks)
}

func TestWaitAllOutlivesBadEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newTaskService(func(id string, _ int, since time.Duration) look {
			switch {
			case id == "b" && since > time.Second:
				return look{status: "FAILED", message: `"bad line"`}
			case id == "c" && since > time.Minute:
				return look{status: "TIMED_OUT"}
			case since > time.Hour:
				return look{status: "COMPLETED"}
			}
			return look{status: "RUNNING"}
		})
		tasks, err := service.once(t).Tasks.WaitAll(t.Context(), tasksNamed("a", "b", "c", "d"))
		assert.Equal(t, []string{"a COMPLETED", "b FAILED", "c TIMED_OUT", "d COMPLETED"}, statusesOf(tasks))
		assert.EqualError(t, err, "mistralobs: import task b ended as FAILED: bad line\nmistralobs: import task c ended as TIMED_OUT")
		var ended *mistralobs.TaskError
		require.ErrorAs(t, err, &ended)
		assert.Same(t, tasks[1], ended.Task)
		assert.NotErrorIs(t, err, context.Canceled)
	})
}

func TestWaitAllEndsEarly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		fail int
		kind string
		task bool
	}{
		{"one that has vanished", 404, "not found", true},
		{"no right to look", 403, "forbidden", false},
		{"no key", 401, "unauthorized", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := newTaskService(func(id string, _ int, since time.Duration) look {
					if id == "c" && since > time.Minute {
						return look{fail: test.fail}
					}
					return look{status: "RUNNING", progress: "10"}
				})
				tasks, err := service.once(t).Tasks.WaitAll(t.Context(), tasksNamed("a", "b", "c"))
				assert.Equal(t, set(test.kind), kindsOf(err), "%v", err)
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

func TestWaitAllDoesNotAskForWhatHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newTaskService(inOrder(look{status: "RUNNING"}, look{status: "COMPLETED"}))
		given := tasksNamed("a", "b", "c")
		given[0].Status, given[2].Status = mistralobs.StatusCompleted, mistralobs.StatusFailed
		var told []string
		tasks, err := service.once(t).Tasks.WaitAll(t.Context(), given, mistralobs.OnTaskUpdate(func(task *mistralobs.ImportTask) {
			told = append(told, task.ID+" "+string(task.Status))
		}))
		assert.EqualError(t, err, "mistralobs: import task c ended as FAILED")
		assert.Equal(t, []string{"a COMPLETED", "b COMPLETED", "c FAILED"}, statusesOf(tasks))
		assert.Equal(t, []string{"b"}, keysOf(service.looks))
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
	_, err := service.once(t).Tasks.WaitAll(t.Context(), append(tasksNamed("a"), nil))
	assert.Equal(t, set("params"), kindsOf(err), "%v", err)
	assert.ErrorContains(t, err, "index 1")
	assert.Empty(t, service.looks)
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
		tasks, err := service.once(t).Tasks.WaitAll(t.Context(), tasksNamed(ids...), mistralobs.OnTaskUpdate(func(task *mistralobs.ImportTask) {
			if inside++; inside > 1 {
				overlaps++
			}
			time.Sleep(time.Microsecond) // lets others in, if anything does
			if task.Status.Done() {
				ended[task.ID]++
			}
			inside--
		}))
		require.NoError(t, err)
		require.Len(t, tasks, 200)
		for i, task := range tasks {
			assert.Equal(t, ids[i]+" COMPLETED", task.ID+" "+string(task.Status))
			assert.Equal(t, 1, ended[task.ID])
		}
		assert.Zero(t, overlaps)
		assert.Equal(t, 16, service.most, "looks at once")
		assert.Less(t, time.Since(service.began), 70*time.Second)
	})
}
