package mistralobs

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 10, 20, 30, 0, time.UTC)
	tests := map[string]struct {
		value string
		want  time.Duration
		told  bool
	}{
		"seconds":                           {"7", 7 * time.Second, true},
		"zero":                              {"0", 0, true},
		"white space around":                {" \t7 ", 7 * time.Second, true},
		"zeros in front":                    {"007", 7 * time.Second, true},
		"a year":                            {"31536000", 365 * 24 * time.Hour, true},
		"31 years":                          {"999999999", 999_999_999 * time.Second, true},
		"the most that a duration holds":    {"9223372036", 9_223_372_036 * time.Second, true},
		"more than a duration holds":        {"9223372037", 9_223_372_036 * time.Second, true},
		"the most that an int64 holds":      {"9223372036854775807", 9_223_372_036 * time.Second, true},
		"more than an int64 holds":          {"9223372036854775808", math.MaxInt64, true},
		"a hundred digits":                  {strings.Repeat("9", 100), math.MaxInt64, true},
		"a date":                            {"Mon, 04 May 2026 10:22:00 GMT", 90 * time.Second, true},
		"a date as in RFC 850":              {"Monday, 04-May-26 10:22:00 GMT", 90 * time.Second, true},
		"a date as in ANSI C":               {"Mon May  4 10:22:00 2026", 90 * time.Second, true},
		"now":                               {"Mon, 04 May 2026 10:20:30 GMT", 0, true},
		"a date in the past":                {"Mon, 04 May 2026 10:20:29 GMT", 0, true},
		"a date long past":                  {"Mon, 01 Jan 0001 00:00:00 GMT", 0, true},
		"a date in the far future":          {"Fri, 31 Dec 9999 23:59:59 GMT", math.MaxInt64, true},
		"nothing":                           {"", 0, false},
		"white space":                       {"  ", 0, false},
		"a negative number":                 {"-1", 0, false},
		"a negative number beyond an int64": {"-9223372036854775809", 0, false},
		"a fraction":                        {"1.5", 0, false},
		"an exponent":                       {"1e3", 0, false},
		"hexadecimal":                       {"0x10", 0, false},
		"a unit":                            {"7s", 0, false},
		"two numbers":                       {"7, 8", 0, false},
		"words":                             {"soon", 0, false},
		"a date of RFC 3339":                {"2026-05-04T10:22:00Z", 0, false},
		"digits of another script":          {"٧", 0, false},
		"rubbish":                           {"\x00\xff", 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait, told := parseRetryAfter(http.Header{"Retry-After": {test.value}}, now)
			assert.Equal(t, test.want, wait)
			assert.Equal(t, test.told, told)
		})
	}
	wait, told := parseRetryAfter(http.Header{}, now)
	assert.Zero(t, wait)
	assert.False(t, told)
}

// The n-th wait is drawn from MinWait to MinWait doubled n times, at most MaxWait.
func TestPolicyWait(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]RetryPolicy{
		"the default":              DefaultRetryPolicy(),
		"a nanosecond":             {MinWait: 1, MaxWait: time.Hour},
		"no room":                  {MinWait: time.Second, MaxWait: time.Second},
		"hardly any room":          {MinWait: time.Second, MaxWait: time.Second + 1},
		"no power of two":          {MinWait: 3, MaxWait: 100},
		"without an end":           {MinWait: time.Second, MaxWait: math.MaxInt64},
		"a nanosecond without end": {MinWait: 1, MaxWait: math.MaxInt64},
		"as long as can be":        {MinWait: math.MaxInt64, MaxWait: math.MaxInt64},
		"nearly as long":           {MinWait: math.MaxInt64 - 1, MaxWait: math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			most := policy.MinWait
			for n := 1; n <= 100; n++ {
				if most > policy.MaxWait/2 {
					most = policy.MaxWait
				} else {
					most *= 2
				}
				var longest time.Duration
				for range 50 {
					wait := policy.wait(n)
					require.GreaterOrEqual(t, wait, policy.MinWait, "wait %d", n)
					require.LessOrEqual(t, wait, most, "wait %d", n)
					longest = max(longest, wait)
				}
				if room := most - policy.MinWait; room > 1000 {
					require.Greater(t, longest, policy.MinWait+room/4, "wait %d is jittered over the whole range", n)
				}
			}
		})
	}
}

// What the service asked for is waited for, and at most a tenth more, if there is time.
func TestWaitForRetryAfter(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		asked, most, least, atMost time.Duration
	}{
		"nothing":        {0, time.Minute, 0, 0},
		"a nanosecond":   {1, time.Minute, 1, 1},
		"ten seconds":    {10 * time.Second, time.Minute, 10 * time.Second, 11 * time.Second},
		"nearly the cap": {59 * time.Second, time.Minute, 59 * time.Second, time.Minute},
		"the cap":        {time.Minute, time.Minute, time.Minute, time.Minute},
		"for ever":       {math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64},
		"300 years":      {9_223_372_036 * time.Second, math.MaxInt64, 9_223_372_036 * time.Second, math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 100 {
				wait := waitFor(test.asked, test.most)
				require.GreaterOrEqual(t, wait, test.least)
				require.LessOrEqual(t, wait, test.atMost)
			}
		})
	}
}

func TestPolicyDefaults(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, test := range map[string]struct{ given, want RetryPolicy }{
		"nothing is set":             {RetryPolicy{}, RetryPolicy{5, 500 * ms, 30 * time.Second, 2 * time.Minute}},
		"everything is":              {RetryPolicy{1, 1, 2, 3}, RetryPolicy{1, 1, 2, 3}},
		"no repeats":                 {RetryPolicy{MaxAttempts: 1}, RetryPolicy{1, 500 * ms, 30 * time.Second, 2 * time.Minute}},
		"a long shortest wait":       {RetryPolicy{MinWait: time.Hour}, RetryPolicy{5, time.Hour, time.Hour, 2 * time.Minute}},
		"a short longest wait":       {RetryPolicy{MaxWait: 100 * ms}, RetryPolicy{5, 100 * ms, 100 * ms, 2 * time.Minute}},
		"a long longest wait":        {RetryPolicy{MaxWait: time.Hour}, RetryPolicy{5, 500 * ms, time.Hour, 2 * time.Minute}},
		"waits of one length":        {RetryPolicy{MinWait: time.Second, MaxWait: time.Second}, RetryPolicy{5, time.Second, time.Second, 2 * time.Minute}},
		"more time than is in sight": {RetryPolicy{MaxElapsed: math.MaxInt64}, RetryPolicy{5, 500 * ms, 30 * time.Second, math.MaxInt64}},
		"the default itself":         {DefaultRetryPolicy(), DefaultRetryPolicy()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.given.withDefaults()
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
	for name, test := range map[string]struct {
		given RetryPolicy
		want  string
	}{
		"negative attempts":        {RetryPolicy{MaxAttempts: -1}, "mistralobs: WithRetry: no field of the policy may be negative, got {MaxAttempts:-1 MinWait:0s MaxWait:0s MaxElapsed:0s}"},
		"a negative shortest wait": {RetryPolicy{MinWait: -1}, "mistralobs: WithRetry: no field of the policy may be negative, got {MaxAttempts:0 MinWait:-1ns MaxWait:0s MaxElapsed:0s}"},
		"a negative longest wait":  {RetryPolicy{MaxWait: -1}, "mistralobs: WithRetry: no field of the policy may be negative, got {MaxAttempts:0 MinWait:0s MaxWait:-1ns MaxElapsed:0s}"},
		"a negative time":          {RetryPolicy{MaxElapsed: -1}, "mistralobs: WithRetry: no field of the policy may be negative, got {MaxAttempts:0 MinWait:0s MaxWait:0s MaxElapsed:-1ns}"},
		"waits the wrong way":      {RetryPolicy{MinWait: 2, MaxWait: 1}, "mistralobs: WithRetry: MinWait 2ns is longer than MaxWait 1ns"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.given.withDefaults()
			require.ErrorIs(t, err, ErrInvalidParams)
			assert.EqualError(t, err, test.want)
		})
	}
}
