package mistralobs

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The n-th pause is between MinWait and MinWait doubled n times, but at most MaxWait.
func TestPolicyWait(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]RetryPolicy{
		"the default":              defaultRetryPolicy,
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

// A pause after a Retry-After is at most a tenth longer, if there is time.
func TestWaitForRetryAfter(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		asked, most, least, atMost time.Duration
	}{
		"a nanosecond": {asked: 1, most: time.Minute, least: 1, atMost: 1},
		"ten seconds": {asked: 10 * time.Second, most: time.Minute, least: 10 * time.Second,
			atMost: 11 * time.Second},
		"nearly the cap": {asked: 59 * time.Second, most: time.Minute, least: 59 * time.Second, atMost: time.Minute},
		"the cap":        {asked: time.Minute, most: time.Minute, least: time.Minute, atMost: time.Minute},
		"300 years": {
			asked: 9_223_372_036 * time.Second, most: math.MaxInt64, least: 9_223_372_036 * time.Second,
			atMost: math.MaxInt64,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 100 {
				wait, ok := RetryPolicy{
					MaxWait:    test.most,
					MaxElapsed: math.MaxInt64,
				}.pause(t.Context(), 1, test.asked, 0)
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
		"nothing is set": {
			given: RetryPolicy{},
			want: RetryPolicy{MaxAttempts: 5, MinWait: 500 * ms, MaxWait: 30 * time.Second,
				MaxElapsed: 2 * time.Minute},
		},
		"everything is": {
			given: RetryPolicy{MaxAttempts: 1, MinWait: 1, MaxWait: 2, MaxElapsed: 3},
			want:  RetryPolicy{MaxAttempts: 1, MinWait: 1, MaxWait: 2, MaxElapsed: 3},
		},
		"no repeats": {
			given: RetryPolicy{MaxAttempts: 1},
			want: RetryPolicy{MaxAttempts: 1, MinWait: 500 * ms, MaxWait: 30 * time.Second,
				MaxElapsed: 2 * time.Minute},
		},
		"a long shortest wait": {
			given: RetryPolicy{MinWait: time.Hour},
			want:  RetryPolicy{MaxAttempts: 5, MinWait: time.Hour, MaxWait: time.Hour, MaxElapsed: 2 * time.Minute},
		},
		"a short longest wait": {
			given: RetryPolicy{MaxWait: 100 * ms},
			want:  RetryPolicy{MaxAttempts: 5, MinWait: 100 * ms, MaxWait: 100 * ms, MaxElapsed: 2 * time.Minute},
		},
		"a long longest wait": {
			given: RetryPolicy{MaxWait: time.Hour},
			want:  RetryPolicy{MaxAttempts: 5, MinWait: 500 * ms, MaxWait: time.Hour, MaxElapsed: 2 * time.Minute},
		},
		"waits of one length": {
			given: RetryPolicy{MinWait: time.Second, MaxWait: time.Second},
			want:  RetryPolicy{MaxAttempts: 5, MinWait: time.Second, MaxWait: time.Second, MaxElapsed: 2 * time.Minute},
		},
		"more time than is in sight": {
			given: RetryPolicy{MaxElapsed: math.MaxInt64},
			want:  RetryPolicy{MaxAttempts: 5, MinWait: 500 * ms, MaxWait: 30 * time.Second, MaxElapsed: math.MaxInt64},
		},
		"the default itself": {given: defaultRetryPolicy, want: defaultRetryPolicy},
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
		"negative attempts": {
			given: RetryPolicy{MaxAttempts: -1},
			want: "WithRetry: no field of the policy may be negative, got MaxAttempts -1, MinWait 0s, MaxWait " +
				"0s, MaxElapsed 0s",
		},
		"a negative shortest wait": {
			given: RetryPolicy{MinWait: -1},
			want: "WithRetry: no field of the policy may be negative, got MaxAttempts 0, MinWait -1ns, " +
				"MaxWait 0s, MaxElapsed 0s",
		},
		"a negative longest wait": {
			given: RetryPolicy{MaxWait: -1},
			want: "WithRetry: no field of the policy may be negative, got MaxAttempts 0, MinWait 0s, MaxWait " +
				"-1ns, MaxElapsed 0s",
		},
		"a negative time": {
			given: RetryPolicy{MaxElapsed: -1},
			want: "WithRetry: no field of the policy may be negative, got MaxAttempts 0, MinWait 0s, MaxWait " +
				"0s, MaxElapsed -1ns",
		},
		"waits the wrong way": {
			given: RetryPolicy{MinWait: 2, MaxWait: 1}, want: "WithRetry: MinWait 2ns is longer than MaxWait 1ns",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.given.withDefaults()
			require.ErrorIs(t, err, ErrInvalidParams)
			assert.EqualError(t, err, test.want)
		})
	}
}
