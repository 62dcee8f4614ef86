package mistralobs_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// The times of a file are seconds in JSON. What is not a number of seconds does not hide the rest.
func TestFileJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		seconds string // as in JSON
		want    time.Time
		written string // "" is the same
	}{
		"the beginning": {seconds: "0", want: time.Unix(0, 0).UTC()},
		"a second":      {seconds: "1759500189", want: time.Unix(1759500189, 0).UTC()},
		"before 1970":   {seconds: "-1.5", want: time.Unix(-2, 5e8).UTC()},
		"a fraction":    {seconds: "1.5", want: time.Unix(1, 5e8).UTC()},
		"null":          {seconds: "null"},
		"a text":        {seconds: `"2026"`, written: "null"},
		"too large":     {seconds: "1e30", written: "null"},
		"an object":     {seconds: "{}", written: "null"},
		"a boolean":     {seconds: "true", written: "null"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const rest = `"filename":"a.jsonl","purpose":"batch","sample_type":"","num_lines":null,"mimetype":"","source":"",` +
				`"signature":"","visibility":"","deleted":false,`
			document := func(seconds string) string {
				return fmt.Sprintf(`{"id":"f","object":"file","bytes":7,%s"created_at":%s,"expires_at":%[2]s}`,
					rest, seconds)
			}
			var got mistralobs.File
			require.NoError(t, json.Unmarshal([]byte(document(test.seconds)), &got))
			assert.Equal(t, mistralobs.File{
				ID: "f", Object: "file", Bytes: ptr(int64(7)), Filename: "a.jsonl", Purpose: "batch",
				CreatedAt: test.want, ExpiresAt: test.want,
			}, got)
			written, err := json.Marshal(got)
			require.NoError(t, err)
			assert.JSONEq(t, document(cmp.Or(test.written, test.seconds)), string(written))
		})
	}
}

// The examples of the service's reference have files without a size or times.
func TestFileWithoutOptionalFields(t *testing.T) {
	t.Parallel()
	var got mistralobs.File
	require.NoError(t, json.Unmarshal([]byte(`{"id":"f","bytes":null}`), &got))
	assert.Equal(t, mistralobs.File{ID: "f"}, got)
}
