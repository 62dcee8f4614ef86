package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/progress"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	const input = `{"payload":{"n":1,"s":"a"},"properties":{}}
{"payload":{"n":2}}

{"payload":{"n":2}}
`
	for name, row := range map[string]struct {
		export string
		want   string
	}{
		"equal as JSON, in another order": {export: `{"payload":{"n":2}}
{"payload": {"n": 2}, "properties": {}}
{"payload":{"s":"\u0061","n":1},"properties":{"edited":true}}`},
		"a copy is missing": {export: `{"payload":{"n":2}}
{"payload":{"n":1,"s":"a"},"properties":{"edited":true}}`, want: "line 2 of the input is not in the export"},
		"the edit is missing": {
			export: input,
			want:   "line 1 of the export is not in the input\nthe edited record is not in the export",
		},
		"a number is written in another way": {export: `{"payload":{"n":2.0}}
{"payload":{"n":2}}
{"payload":{"n":1,"s":"a"},"properties":{"edited":true}}`, want: `line 1 of the export is not in the input
line 2 of the input is not in the export`},
		"no JSONL": {export: "<html>", want: "mistralobs: line 1: .*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := compareWithEdit(t, write(t, input), write(t, row.export)); row.want == "" {
				assert.NoError(t, err)
			} else {
				require.Error(t, err)
				assert.Regexp(t, "^(?:"+row.want+")$", err.Error())
			}
		})
	}
}

// compareWithEdit expects the input with one record edited.
func compareWithEdit(t *testing.T, input, export source) error {
	t.Helper()
	expected, err := count(t.Context(), input)
	require.NoError(t, err)
	require.Equal(t, 3, expected.total())
	require.NoError(t, expected.replace(digestFor(t, `{}`), digestFor(t, `{"edited":true}`)))
	return expected.compare(t.Context(), export, input)
}

func TestCountRefusesAnEmptyFile(t *testing.T) {
	t.Parallel()
	_, err := count(t.Context(), write(t, "\n"))
	assert.EqualError(t, err, "the file has no records")
}

func write(t *testing.T, content string) source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return source{path, progress.New(os.Stderr)}
}

func digestFor(t *testing.T, properties string) digest {
	t.Helper()
	d, err := digestOf(mistralobs.Object(`{"n":1,"s":"a"}`), mistralobs.Object(properties))
	require.NoError(t, err)
	return d
}
