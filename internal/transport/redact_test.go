package transport

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRedactor(t *testing.T) {
	t.Parallel()
	const url = "https://s.example/f?sp=r&se=2026-01-01T00%3A00%3A00Z&sig=abc%2Bdef%3D#top"
	tests := map[string]struct{ text, want string }{
		"nothing":                {text: "no secret", want: "no secret"},
		"the URL":                {text: url, want: "https://s.example/f?…"},
		"the query":              {text: "sp=r&se=2026-01-01T00%3A00%3A00Z&sig=abc%2Bdef%3D", want: "…"},
		"a parameter":            {text: "bad sp=r here", want: "bad … here"},
		"a value":                {text: "abc%2Bdef%3D", want: "…"},
		"an unescaped value":     {text: "<abc+def=>", want: "<…>"},
		"a value in lower case":  {text: "abc%2bdef%3d", want: "abc%2bdef%3d"}, // not a form that Go or a storage makes
		"an HTML query":          {text: "?sp=r&amp;se=2026-01-01T00%3A00%3A00Z&amp;sig=abc%2Bdef%3D", want: "?…"},
		"a value escaped twice":  {text: "abc%252Bdef%253D", want: "…"},
		"a value too short":      {text: "r", want: "r"},
		"a secret beside others": {text: "x abc+def= y 2026-01-01T00:00:00Z z", want: "x … y … z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, NewRedactor(url, "", "https://no.query").Text(test.text))
		})
	}
	assert.Equal(t, "text", Redactor{}.Text("text"))
	assert.Equal(t, "text", NewRedactor().Text("text"))
}

// The causes of a redacted error can be found, but not printed.
func TestRedactorError(t *testing.T) {
	t.Parallel()
	redactor := NewRedactor("https://s.example/f?sig=abcdefgh")
	cause := &Error{Reach: MayHaveArrived, Err: fmt.Errorf("GET f?sig=abcdefgh: %w", io.ErrUnexpectedEOF)}
	err := redactor.Error(cause)
	assert.EqualError(t, err, "GET f?…: unexpected EOF")
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	var found *Error
	assert.ErrorAs(t, err, &found)
	assert.NoError(t, errors.Unwrap(err))
	assert.NoError(t, redactor.Error(nil))
	assert.Same(t, io.EOF, redactor.Error(io.EOF))
}

// Whatever the query, a text that repeats it does not show it, nor its long values.
func FuzzRedactor(f *testing.F) {
	f.Add("sig=abcdefgh&sp=r", "text")
	f.Add("a%2Bb%2Bc%2Bd=1&&=x&%zz", "?")
	f.Fuzz(func(t *testing.T, query, around string) {
		if len(query) < minSecret || strings.ContainsAny(query, "#…") {
			return
		}
		redactor := NewRedactor("https://s.example/f?" + query)
		got := redactor.Text("<" + query + "> " + around)
		assert.NotContains(t, got, query)
		for pair := range strings.SplitSeq(query, "&") {
			if _, value, _ := strings.Cut(pair, "="); len(value) >= minSecret {
				assert.NotContains(t, got, value)
				assert.NotContains(t, redactor.Text(around+value), value)
			}
		}
	})
}

// A key is hidden once, in all forms in which texts repeat it.
func TestHideSecrets(t *testing.T) {
	t.Parallel()
	const key = `sk"<&\x`
	for name, text := range map[string]string{
		"plain":  `unsupported transfer encoding: Bearer ` + key,
		"quoted": fmt.Sprintf("malformed header %q", key),
		"JSON":   `{"key":"sk\"\u003c\u0026\\x"}`,
		"URL":    url.QueryEscape(key),

		"URL in lower case": strings.ToLower(url.QueryEscape(key)),
		"URL in a URL":      url.QueryEscape(url.QueryEscape(key)),
		"JSON of any sort":  `{"key":"\u0073\u006B\u0022\u003C\u0026\u005cx"}`,
		"JSON in JSON":      `{"text":"{\"key\":\"sk\\\"<&\\\\x\"}"}`,
		"HTML":              `sk&quot;&lt;&amp;\x`,
		"HTML by numbers":   `sk&#34;&#x3c;&#038;\x`,
		"HTML in HTML":      `sk&amp;quot;&amp;lt;&amp;amp;\x`,
	} {
		assert.Contains(t, hideSecrets(text, key), "[API key]", name)
		assert.NotContains(t, hideSecrets(text, key), "sk", name)
	}
	assert.Equal(t, "x [API key] y", hideSecrets("x API y", "API"), "what replaces the key may hold it")
	for _, link := range []string{`https:\/\/h\/f\u003fsv=1\u0026sig=x`, `to=https%3A%2F%2Fh%2Ff%3Fsv%3D1%26sig%3Dx`} {
		assert.NotContains(t, hideSecrets(link, ""), "sig")
	}
	assert.Equal(t, "malformed MIME header line: Location: https://s.example/f?…",
		hideSecrets("malformed MIME header line: Location: https://s.example/f?sig=x", ""))
}
