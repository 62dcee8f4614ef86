package transport

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 10, 20, 30, 0, time.UTC)
	for _, test := range []struct {
		name  string
		value string
		want  time.Duration
		given bool
	}{
		{name: "seconds", value: "7", want: 7 * time.Second, given: true},
		{name: "zero", value: "0", want: 0, given: true},
		{name: "white space around", value: " \t7 ", want: 7 * time.Second, given: true},
		{name: "zeros in front", value: "007", want: 7 * time.Second, given: true},
		{name: "a year", value: "31536000", want: 365 * 24 * time.Hour, given: true},
		{name: "31 years", value: "999999999", want: 999_999_999 * time.Second, given: true},
		{name: "the most that a duration holds", value: "9223372036", want: 9_223_372_036 * time.Second, given: true},
		{name: "more than a duration holds", value: "9223372037", want: 9_223_372_036 * time.Second, given: true},
		{name: "the most that an int64 holds", value: "9223372036854775807",
			want: 9_223_372_036 * time.Second, given: true},
		{name: "more than an int64 holds", value: "9223372036854775808", want: math.MaxInt64, given: true},
		{name: "a hundred digits", value: strings.Repeat("9", 100), want: math.MaxInt64, given: true},
		{name: "a date", value: "Mon, 04 May 2026 10:22:00 GMT", want: 90 * time.Second, given: true},
		{name: "a date as in RFC 850", value: "Monday, 04-May-26 10:22:00 GMT", want: 90 * time.Second, given: true},
		{name: "a date as in ANSI C", value: "Mon May  4 10:22:00 2026", want: 90 * time.Second, given: true},
		{name: "now", value: "Mon, 04 May 2026 10:20:30 GMT", want: 0, given: true},
		{name: "a date in the past", value: "Mon, 04 May 2026 10:20:29 GMT", want: 0, given: true},
		{name: "a date long past", value: "Mon, 01 Jan 0001 00:00:00 GMT", want: 0, given: true},
		{name: "a date in the far future", value: "Fri, 31 Dec 9999 23:59:59 GMT", want: math.MaxInt64, given: true},
		{name: "nothing", value: "", want: 0, given: false},
		{name: "white space", value: "  ", want: 0, given: false},
		{name: "a negative number", value: "-1", want: 0, given: false},
		{name: "a negative number beyond an int64", value: "-9223372036854775809", want: 0, given: false},
		{name: "a fraction", value: "1.5", want: 0, given: false},
		{name: "an exponent", value: "1e3", want: 0, given: false},
		{name: "hexadecimal", value: "0x10", want: 0, given: false},
		{name: "a unit", value: "7s", want: 0, given: false},
		{name: "two numbers", value: "7, 8", want: 0, given: false},
		{name: "words", value: "soon", want: 0, given: false},
		{name: "a date of RFC 3339", value: "2026-05-04T10:22:00Z", want: 0, given: false},
		{name: "digits of another script", value: "٧", want: 0, given: false},
		{name: "rubbish", value: "\x00\xff", want: 0, given: false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wait, given := RetryAfter(http.Header{"Retry-After": {test.value}}, now)
			assert.Equal(t, test.want, wait)
			assert.Equal(t, test.given, given)
		})
	}
	sent := http.Header{"Retry-After": {"Mon, 04 May 2026 10:22:00 GMT"}, "Date": {"Mon, 04 May 2026 10:21:50 GMT"}}
	wait, given := RetryAfter(sent, now)
	assert.Equal(t, 10*time.Second, wait, "measured by the clock of the service")
	assert.True(t, given)
	wait, given = RetryAfter(http.Header{}, now)
	assert.Zero(t, wait)
	assert.False(t, given)
}

// FuzzRetryAfter checks that no header leads to a negative wait.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{
		"", "0", "1", "-1", "+5", " 7 ", "1.5", "999999999", "9223372036854775807", "9223372036854775808",
		strings.Repeat("9", 100), "-9223372036854775809",
		"Mon, 04 May 2026 10:21:30 GMT", "Monday, 04-May-26 10:21:30 GMT", "Mon May  4 10:21:30 2026",
		"Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "soon",
	} {
		f.Add(seed, int64(1_777_890_030))
	}
	f.Fuzz(func(t *testing.T, value string, now int64) {
		wait, given := RetryAfter(http.Header{"Retry-After": {value}}, time.Unix(now, 0))
		assert.GreaterOrEqual(t, wait, time.Duration(0))
		assert.True(t, given || wait == 0)
	})
}
