package transport

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{a: "https://api.example.com/a", b: "https://api.example.com/b?c", want: true},
		{a: "https://api.example.com", b: "HTTPS://API.example.com:443", want: true},
		{a: "http://api.example.com", b: "http://api.example.com:80", want: true},
		{a: "https://api.example.com", b: "http://api.example.com:443"},
		{a: "https://api.example.com", b: "https://api.example.com:8443"},
		{a: "https://api.example.com", b: "https://evil.example.com"},
		{a: "https://[::1]:443", b: "https://[::1]", want: true},
	} {
		t.Run(test.a+" "+test.b, func(t *testing.T) {
			t.Parallel()
			a, err := url.Parse(test.a)
			require.NoError(t, err)
			b, err := url.Parse(test.b)
			require.NoError(t, err)
			assert.Equal(t, test.want, SameOrigin(a, b))
			assert.Equal(t, test.want, SameOrigin(b, a))
		})
	}
}
