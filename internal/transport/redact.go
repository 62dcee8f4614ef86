package transport

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// signedURL finds the query of a URL in a text. A relative URL, as in a Location, or one that is
// escaped or broken, is only known by a parameter of its query.
var signedURL = regexp.MustCompile(`(?i)(https?:[^\s"'<>?]*)\?[^\s"'<>]*|` +
	`(?:\?|\\u003f|%(?:25)*3f)[^\s"'<>=?]+?(?:=|\\u003d|%(?:25)*3d)[^\s"'<>]*`)

// HideQueries returns text without the queries of the URLs in it, since they may be signed.
func HideQueries(text string) string {
	if !strings.ContainsAny(text, `?\%`) { // the pattern is slow in long texts
		return text
	}
	return signedURL.ReplaceAllString(text, "$1?…")
}

// minSecret is the length from which a value of a query is replaced everywhere. Shorter values,
// such as the "r" of "sp=r", are replaced only together with their name.
const minSecret = 6

// Redactor replaces the queries of signed URLs in texts, since a query gives access to the file.
type Redactor struct{ replacer *strings.Replacer }

// NewRedactor returns a redactor for the queries of URLs, their parameters and their values.
func NewRedactor(urls ...string) Redactor {
	var secrets []string
	for _, raw := range urls {
		secrets = append(secrets, secretsOf(raw)...)
	}
	// At each position of a text the replacer tries the strings in this order.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, secret := range slices.Compact(secrets) {
		pairs = append(pairs, secret, "…")
	}
	return Redactor{strings.NewReplacer(pairs...)}
}

// secretsOf returns all forms of what a text must not show. It does not parse the URL, since a URL
// that cannot be parsed must not be shown either.
func secretsOf(raw string) []string {
	_, query, _ := strings.Cut(raw, "?")
	query, _, _ = strings.Cut(query, "#")
	if query == "" {
		return nil
	}
	secrets := formsOf(query)
	for parameter := range strings.SplitSeq(query, "&") {
		_, value, named := strings.Cut(parameter, "=")
		if !named {
			value = parameter
		}
		if value != "" {
			secrets = append(secrets, formsOf(parameter)...)
		}
		if len(value) >= minSecret {
			secrets = append(secrets, formsOf(value)...)
		}
	}
	return secrets
}

// formsOf returns a part of a query in the forms in which servers and libraries repeat it.
func formsOf(part string) []string {
	forms := []string{part}
	if plain, err := url.PathUnescape(part); err == nil {
		forms = append(forms, plain, url.QueryEscape(plain), url.PathEscape(plain))
	}
	if plain, err := url.QueryUnescape(part); err == nil {
		forms = append(forms, plain)
	}
	for _, form := range slices.Clone(forms) {
		forms = append(forms, html.EscapeString(form), url.QueryEscape(form), strings.ReplaceAll(form, "&", `\u0026`))
	}
	return forms
}

// Text returns text without the queries, and without those of other URLs in it.
func (r Redactor) Text(text string) string {
	if r.replacer != nil {
		text = r.replacer.Replace(text)
	}
	return HideQueries(text)
}

// Error returns err with a text without the queries. Errors.Is and errors.As find the causes of
// err; [errors.Unwrap] does not, since their texts may show a query.
func (r Redactor) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if clean := r.Text(text); clean != text {
		return &redactedError{text: clean, err: err}
	}
	return err
}

type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string        { return e.text }
func (e *redactedError) Is(target error) bool { return errors.Is(e.err, target) }
func (e *redactedError) As(target any) bool   { return errors.As(e.err, target) }

const hiddenKey = "[API key]"

// hideSecrets returns text without the API key and without the queries of URLs.
func hideSecrets(text, key string) string { return HideQueries(hideKey(text, key)) }

// hideKey returns text without the API key, in all forms in which servers and libraries repeat it.
// It reads the text once, since the key may occur in what it is replaced by.
func hideKey(text, key string) string {
	if key == "" || !strings.ContainsAny(text, key[:1]+`\%&`) { // the pattern is slow in long texts
		return text
	}
	return keyPattern(key).ReplaceAllLiteralString(text, hiddenKey)
}

// lastPattern caches the pattern of the last key, since most programs have only one.
var lastPattern atomic.Pointer[struct {
	key     string
	pattern *regexp.Regexp
}]

// htmlNames are alternatives for the characters that HTML names.
var htmlNames = map[byte]string{'"': "|quot", '&': "|amp", '\'': "|apos", '<': "|lt", '>': "|gt"}

// keyPattern returns a pattern of the key in which each byte may be escaped, also several times, as
// in JSON, Go, a URL or HTML.
func keyPattern(key string) *regexp.Regexp {
	if last := lastPattern.Load(); last != nil && last.key == key {
		return last.pattern
	}
	var text strings.Builder
	for _, c := range []byte(key) {
		literal, hex := regexp.QuoteMeta(string(rune(c))), fmt.Sprintf("(?i:%02x)", c)
		fmt.Fprintf(&text, `(?:\\*%s|\\+(?:u00|x)%s|%%(?:25)*%s|&(?:amp;)*(?:#0*%d|#[xX]0*%s%s);)`,
			literal, hex, hex, c, hex, htmlNames[c])
	}
	pattern := regexp.MustCompile(text.String())
	lastPattern.Store(&struct {
		key     string
		pattern *regexp.Regexp
	}{key, pattern})
	return pattern
}

// hideSecretsIn returns err with a text without the secrets, as [Redactor.Error] does.
func hideSecretsIn(err error, key string) error {
	text := err.Error()
	if clean := hideSecrets(text, key); clean != text {
		return &redactedError{text: clean, err: err}
	}
	return err
}
