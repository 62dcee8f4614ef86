package mistralobstest

import (
	"fmt"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A blob reads like the whole file, from any offset and with reads of any size.
func TestBlobReader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		records []RecordSeed
		want    string
	}{
		{name: "empty"},
		{name: "one", records: []RecordSeed{{Payload: []byte(`{}`)}}, want: `{"payload":{},"properties":{}}` + "\n"},
		{
			name: "line breaks", want: `{"payload":{ "a":1},"properties":{"b": "\n"}}` + "\n",
			records: []RecordSeed{{Payload: []byte("{\n \"a\":1\r\n}"), Properties: []byte("{\"b\":\r \"\\n\"}\n")}},
		},
	}
	many := tests[0]
	many.name = "many"
	for i := range 20 {
		many.records = append(many.records, RecordSeed{Payload: fmt.Appendf(nil, `{"n":%d}`, i*i*i)})
		many.want += fmt.Sprintf(`{"payload":{"n":%d},"properties":{}}`+"\n", i*i*i)
	}
	for _, test := range append(tests, many) {
		s := NewUnstartedServer()
		defer s.Close()
		id := s.SeedDataset("Test data", "", test.records...)
		b := newBlob(s.data.findDataset(id), "", time.Time{})
		assert.EqualValues(t, len(test.want), b.size(), test.name)
		require.NoError(t, iotest.TestReader(&blobReader{blob: b}, []byte(test.want)), test.name)
	}
}
