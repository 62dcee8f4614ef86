package mistralobstest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithRequestLog(2))
	a.dataset()
	a.do("GET", datasets+"?q=%20x", "")
	a.do("GET", "/nowhere%2F", "")
	got := a.server.Requests()
	require.Len(t, got, 2, "the latest")
	want := []any{mistralobstest.DatasetsList, "GET", datasets, " x", 200}
	assert.Equal(t, want, []any{got[0].Operation, got[0].Method, got[0].Path, got[0].Query.Get("q"), got[0].Status})
	assert.Equal(t, []any{"", "/nowhere%2F", 404}, []any{got[1].Operation, got[1].Path, got[1].Status})
	a.server.ResetRequests()
	a.do("POST", datasets, strings.Repeat(" ", mistralobstest.MaxRequestBody+10))
	got = a.server.Requests()
	assert.Len(t, got[0].Body, mistralobstest.MaxRequestBody)
	assert.True(t, got[0].Truncated)
}
