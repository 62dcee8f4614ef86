package mistralobs

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzPath checks that no id leads to another resource.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"", ".", "..", "...", "a", "a/b", "../x", "/", "//evil.example", "a?b=c", "a#b", "a%2fb", "%2e%2e", `a\b`, "a\r\nX: y", "a\x00b", "ü", "\xff", "{id}", "a;b", "@evil.example", ":443", " ", "+",
	} {
		f.Add(seed, "t")
		f.Add("d", seed)
	}
	f.Fuzz(func(t *testing.T, dataset, task string) {
		req := request{route: "GET /v1/observability/datasets/{dataset_id}/tasks/{task_id}", ids: ids{dataset, task}}
		if err := req.expand(); err != nil {
			require.ErrorIs(t, err, ErrInvalidParams)
			return
		}
		assert.Equal(t, http.MethodGet, req.method)
		u, err := url.Parse("https://api.example.com/prefix" + req.path)
		require.NoError(t, err)
		assert.Equal(t, "api.example.com", u.Host)
		assert.Nil(t, u.User)
		assert.Empty(t, u.RawQuery+u.Fragment)
		assert.False(t, u.ForceQuery)
		assert.Equal(t, "/prefix"+req.path, u.EscapedPath(), "net/http sends it as it is")

		segments := strings.Split(u.EscapedPath(), "/")
		require.Len(t, segments, 8)
		for i, id := range map[int]string{5: dataset, 7: task} {
			assert.NotContains(t, []string{"", ".", ".."}, segments[i])
			sent, err := url.PathUnescape(segments[i])
			require.NoError(t, err)
			assert.Equal(t, id, sent)
			segments[i] = "*"
		}
		assert.Equal(t, "/prefix/v1/observability/datasets/*/tasks/*", strings.Join(segments, "/"))
	})
}
