package mistralobs_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// editing runs a test of Edit on a record {"a":1} with the properties {"b":2}.
func editing(t *testing.T, test func(*testing.T, *mistralobstest.Server, *mistralobs.Client, string)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := mistralobstest.NewServer(mistralobstest.WithInMemoryNetwork())
		defer server.Close()
		dataset := server.SeedDataset("Test data", "", mistralobstest.RecordSeed{
			Payload: []byte(`{"a":1}`), Properties: []byte(`{"b":2}`),
		})
		test(t, server, server.Client(t), server.Records(dataset)[0].ID)
	})
}

func setScore(r *mistralobs.Record) (err error) {
	r.Properties, err = r.Properties.Set("score", 0.5)
	return err
}

func operationsOf(server *mistralobstest.Server) (names []string) {
	for _, request := range server.Requests() {
		names = append(names, request.Operation)
	}
	return names
}

func TestEditSendsWhatHasChanged(t *testing.T) {
	const get, payload, properties = mistralobstest.RecordsGet, mistralobstest.RecordsUpdatePayload,
		mistralobstest.RecordsUpdateProperties
	for name, test := range map[string]struct {
		edit func(*mistralobs.Record) error
		sent []string
		want [2]string
	}{
		"nothing": {
			edit: func(*mistralobs.Record) error { return nil }, sent: []string{get}, want: [2]string{`{"a":1}`, `{"b":2}`},
		},
		"the properties": {
			edit: setScore, sent: []string{get, properties}, want: [2]string{`{"a":1}`, `{"b":2,"score":0.5}`},
		},
		"no properties": {
			edit: func(r *mistralobs.Record) error { r.Properties = nil; return nil },
			sent: []string{get, properties}, want: [2]string{`{"a":1}`, `{}`},
		},
		"both, in place": {
			edit: func(r *mistralobs.Record) error {
				r.Payload[5], r.Properties[5] = '7', '8'
				return nil
			},
			sent: []string{get, payload, properties}, want: [2]string{`{"a":7}`, `{"b":8}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			editing(t, func(t *testing.T, server *mistralobstest.Server, client *mistralobs.Client, id string) {
				_, err := client.Records.Edit(t.Context(), id, test.edit)
				require.NoError(t, err)
				assert.Equal(t, test.sent, operationsOf(server))
				record, err := client.Records.Get(t.Context(), id)
				require.NoError(t, err)
				assert.Equal(t, test.want, [2]string{record.Payload.String(), record.Properties.String()})
			})
		})
	}
}

// A curator changes the payload and the properties while a write fails. Edit reads again, and loses
// neither.
func TestEditKeepsWhatOthersWrite(t *testing.T) {
	editing(t, func(t *testing.T, server *mistralobstest.Server, client *mistralobs.Client, id string) {
		server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsUpdateProperties, Status: 503})
		rounds := 0
		record, err := client.Records.Edit(t.Context(), id, func(r *mistralobs.Record) error {
			if rounds++; rounds == 1 {
				defer func() { // after the reading
					require.NoError(t,
						client.Records.UpdatePayload(t.Context(), id, mistralobs.Object(`{"a":"fixed"}`)))
				}()
			}
			return setScore(r)
		})
		require.NoError(t, err)
		assert.Equal(t, 2, rounds)
		assert.Equal(t, `{"a":"fixed"}`, record.Payload.String())
		stored, err := client.Records.Get(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, `{"a":"fixed"}`, stored.Payload.String())
		assert.Equal(t, `{"b":2,"score":0.5}`, stored.Properties.String())
	})
}

// A write whose response was lost reads back as it was sent, so it is not sent again.
func TestEditIsDoneIfItReadsBack(t *testing.T) {
	editing(t, func(t *testing.T, server *mistralobstest.Server, client *mistralobs.Client, id string) {
		server.Inject(mistralobstest.Fault{
			Operation: mistralobstest.RecordsUpdateProperties, Break: mistralobstest.ResetUnanswered,
		})
		n := 0
		edited, err := client.Records.Edit(t.Context(), id, func(r *mistralobs.Record) (err error) {
			n++ // not the same result again, which Edit must not send
			r.Properties, err = r.Properties.Set("n", n)
			return err
		})
		require.NoError(t, err)
		assert.Equal(t, `{"b":2,"n":1}`, edited.Properties.String(), "what the service has")
		assert.Equal(t, []string{
			mistralobstest.RecordsGet, mistralobstest.RecordsUpdateProperties, mistralobstest.RecordsGet,
		}, operationsOf(server))
	})
}

func TestEditEnds(t *testing.T) {
	oh := errors.New("oh")
	for name, test := range map[string]struct {
		fault   mistralobstest.Fault
		edit    func(*mistralobs.Record) error
		opts    []mistralobs.CallOption
		want    error
		writes  int
		longest time.Duration
	}{
		"edit fails": {edit: func(*mistralobs.Record) error { return oh }, want: oh},
		"no object": {
			edit: func(r *mistralobs.Record) error { r.Payload = mistralobs.Object("[]"); return nil },
			want: mistralobs.ErrInvalidParams,
		},
		"no edit": {want: mistralobs.ErrInvalidParams},
		"a refused write": {
			fault: mistralobstest.Fault{Status: 422, Times: -1}, edit: setScore,
			want: mistralobs.ErrValidation, writes: 1,
		},
		"writes that go on failing": {
			fault: mistralobstest.Fault{Status: 503, Times: -1}, edit: setScore, want: mistralobs.ErrServer, writes: 5,
			longest: time.Minute,
		},
		"a policy of one attempt": {
			fault: mistralobstest.Fault{Status: 503, Times: -1}, edit: setScore, want: mistralobs.ErrServer, writes: 1,
			opts: []mistralobs.CallOption{mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1})},
		},
		"a policy of a second": {
			fault: mistralobstest.Fault{Status: 503, Times: -1, Header: http.Header{"Retry-After": {"2"}}},
			edit:  setScore,
			want:  mistralobs.ErrServer, writes: 1,
			opts: []mistralobs.CallOption{mistralobs.WithRetry(mistralobs.RetryPolicy{MaxElapsed: time.Second})},
		},
	} {
		t.Run(name, func(t *testing.T) {
			editing(t, func(t *testing.T, server *mistralobstest.Server, client *mistralobs.Client, id string) {
				if test.fault.Status != 0 {
					test.fault.Operation = mistralobstest.RecordsUpdateProperties
					server.Inject(test.fault)
				}
				start := time.Now()
				record, err := client.Records.Edit(t.Context(), id, test.edit, test.opts...)
				require.ErrorIs(t, err, test.want)
				assert.Nil(t, record)
				assert.LessOrEqual(t, time.Since(start), test.longest)
				writes := 0
				for _, name := range operationsOf(server) {
					if name == mistralobstest.RecordsUpdateProperties {
						writes++
					}
				}
				assert.Equal(t, test.writes, writes)
			})
		})
	}
}

// The policy holds for all rounds together, and a failed reading does not hide the write before it.
func TestEditHoldsThePolicyAcrossRounds(t *testing.T) {
	editing(t, func(t *testing.T, server *mistralobstest.Server, client *mistralobs.Client, id string) {
		server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsUpdateProperties, Status: 503})
		server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsGet, Status: 502, Skip: 1, Times: -1})
		start := time.Now()
		policy := mistralobs.RetryPolicy{MaxAttempts: 3, MinWait: time.Second, MaxElapsed: 10 * time.Second}
		_, err := client.Records.Edit(t.Context(), id, setScore, mistralobs.WithRetry(policy))
		require.ErrorContains(t, err, "502")
		require.ErrorContains(t, err, "503")
		assert.LessOrEqual(t, time.Since(start), policy.MaxElapsed)
		const get, write = mistralobstest.RecordsGet, mistralobstest.RecordsUpdateProperties
		assert.Equal(t, []string{get, write, get, get}, operationsOf(server))
	})
}
