package mistralobs

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
					wait := policy.backoff(n)
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
		"a nanosecond":   {1, time.Minute, 1, 1},
		"ten seconds":    {10 * time.Second, time.Minute, 10 * time.Second, 11 * time.Second},
		"nearly the cap": {59 * time.Second, time.Minute, 59 * time.Second, time.Minute},
		"the cap":        {time.Minute, time.Minute, time.Minute, time.Minute},
		"300 years":      {9_223_372_036 * time.Second, math.MaxInt64, 9_223_372_036 * time.Second, math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 100 {
				wait, ok := RetryPolicy{MaxWait: test.most, MaxElapsed: math.MaxInt64}.pause(t.Context(), 1, test.asked, 0)
				require.True(t, ok)
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
		"nothing is set":             {RetryPolicy{}, RetryPolicy{MaxAttempts: 5, MinWait: 500 * ms, MaxWait: 30 * time.Second, MaxElapsed: 2 * time.Minute}},
		"everything is":              {RetryPolicy{MaxAttempts: 1, MinWait: 1, MaxWait: 2, MaxElapsed: 3}, RetryPolicy{MaxAttempts: 1, MinWait: 1, MaxWait: 2, MaxElapsed: 3}},
		"no repeats":                 {RetryPolicy{MaxAttempts: 1}, RetryPolicy{MaxAttempts: 1, MinWait: 500 * ms, MaxWait: 30 * time.Second, MaxElapsed: 2 * time.Minute}},
		"a long shortest wait":       {RetryPolicy{MinWait: time.Hour}, RetryPolicy{MaxAttempts: 5, MinWait: time.Hour, MaxWait: time.Hour, MaxElapsed: 2 * time.Minute}},
		"a short longest wait":       {RetryPolicy{MaxWait: 100 * ms}, RetryPolicy{MaxAttempts: 5, MinWait: 100 * ms, MaxWait: 100 * ms, MaxElapsed: 2 * time.Minute}},
		"a long longest wait":        {RetryPolicy{MaxWait: time.Hour}, RetryPolicy{MaxAttempts: 5, MinWait: 500 * ms, MaxWait: time.Hour, MaxElapsed: 2 * time.Minute}},
		"waits of one length":        {RetryPolicy{MinWait: time.Second, MaxWait: time.Second}, RetryPolicy{MaxAttempts: 5, MinWait: time.Second, MaxWait: time.Second, MaxElapsed: 2 * time.Minute}},
		"more time than is in sight": {RetryPolicy{MaxElapsed: math.MaxInt64}, RetryPolicy{MaxAttempts: 5, MinWait: 500 * ms, MaxWait: 30 * time.Second, MaxElapsed: math.MaxInt64}},
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
		"negative attempts":        {RetryPolicy{MaxAttempts: -1}, "mistralobs: WithRetry: no field of the policy may be negative, got MaxAttempts -1, MinWait 0s, MaxWait 0s, MaxElapsed 0s"},
		"a negative shortest wait": {RetryPolicy{MinWait: -1}, "mistralobs: WithRetry: no field of the policy may be negative, got MaxAttempts 0, MinWait -1ns, MaxWait 0s, MaxElapsed 0s"},
		"a negative longest wait":  {RetryPolicy{MaxWait: -1}, "mistralobs: WithRetry: no field of the policy may be negative, got MaxAttempts 0, MinWait 0s, MaxWait -1ns, MaxElapsed 0s"},
		"a negative time":          {RetryPolicy{MaxElapsed: -1}, "mistralobs: WithRetry: no field of the policy may be negative, got MaxAttempts 0, MinWait 0s, MaxWait 0s, MaxElapsed -1ns"},
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
