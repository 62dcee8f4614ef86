package mistralobstest

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRecordContents(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, payload, properties, want string }{
		{name: "both", payload: `{"a":1}`, properties: `{"b":2}`, want: `{"b":2}`},
		{name: "no properties", payload: `{"a":1}`, want: `{}`},
		{name: "empty properties", payload: `{"a":1}`, properties: `{}`, want: `{}`},
		{name: "spaces", payload: `{ }`, properties: `{ }`, want: `{ }`},
	}
	for _, test := range tests {
		c := newContent([]byte(test.payload), []byte(test.properties))
		assert.Equal(t, test.payload, string(c.payload()), test.name)
		assert.Equal(t, test.want, string(c.properties()), test.name)
	}
}

func TestUUIDs(t *testing.T) {
	t.Parallel()
	const lower, upper = "3f1d3f57-5a6c-4a4b-9c59-0d6d1a2b3c4d", "3F1D3F57-5A6C-4A4B-9C59-0D6D1A2B3C4D"
	assert.Equal(t, lower, parseUUID(lower).String())
	assert.Equal(t, lower, parseUUID(upper).String())
	assert.True(t, isUUID(newID()))
}

// It reports the memory of a record without its payload. The allocator does not round up the size
// of this payload.
func BenchmarkMemoryOfRecord(b *testing.B) {
	s := NewUnstartedServer()
	defer s.Close()
	id := s.SeedDataset("Test data", "")
	payload := []byte(`{"text":"` + fmt.Sprintf("%01781d", 0) + `"}`)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	s.SeedRecords(id, func(yield func(RecordSeed) bool) {
		for b.Loop() {
			yield(RecordSeed{Payload: payload})
			n++
		}
	})
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n)-float64(len(payload)), "overhead-B/record")
	runtime.KeepAlive(s)
}
