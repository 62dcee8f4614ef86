package mistralobstest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	const (
		classes = `{"type":"CLASSIFICATION","options":[{"value":"refund","description":"money back"},` +
			`{"value":"shipping","description":"where is my parcel"}]}`
		scale = `{"type":"REGRESSION","min":0,"min_description":"bad","max":10,"max_description":"good"}`
		chat  = `{"messages":[{"role":"user","content":"?"},{"role":"assistant","content":"Your parcel is on its way"}]}`
	)
	tests := []struct{ name, payload, properties, output, want string }{
		{
			name: "a property names the option", payload: chat, output: classes, want: "refund",
			properties: `{"category":"Refund"}`,
		},
		{name: "the answer shares words", payload: chat, properties: `{}`, output: classes, want: "shipping"},
		{
			name: "a share of the expected words", payload: chat, output: scale, want: "5",
			properties: `{"expected_output":"parcel way shop closed"}`,
		},
		{
			name: "a payload that is not a chat", output: classes, want: "refund",
			payload: `{"text":"money back"}`, properties: `{}`,
		},
	}
	a := newAPI(t)
	for _, test := range tests {
		_, recordIDs := a.dataset(test.payload)
		path := records + "/" + recordIDs[0]
		a.do("PUT", path+"/properties", `{"properties":`+test.properties+`}`)
		r := a.do("POST", path+"/live-judging",
			`{"judge_definition":{"name":"judge","description":"","model_name":"m",`+
				`"instructions":"","tools":[],"output":`+test.output+`}}`)
		assert.Equal(t, 200, r.status, test.name)
		assert.EqualValues(t, test.want, r.json(t, "answer"), test.name)
		assert.NotEmpty(t, r.json(t, "analysis"), test.name)
	}
}

func TestJudgeScale(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for limits, want := range map[string]int{
		`"min":1,"max":5`: 201, `"min":2,"max":2`: 201, `"min":0`: 201,
		`"min":5,"max":1`: 422, `"min":2`: 422, `"min":-1,"max":1`: 422, `"min":0,"max":1e9`: 422,
	} {
		r := a.do("POST", "/v1/observability/judges", fmt.Sprintf(`{"name":%q,"description":"","model_name":"m",`+
			`"instructions":"","tools":[],"output":{"type":"REGRESSION","min_description":"","max_description":"",%s}}`,
			"judge "+limits, limits))
		assert.Equal(t, want, r.status, "%s: %s", limits, r.body)
		if want == 422 {
			assert.Contains(t, r.body, "output", limits)
			assert.Equal(t, "VALIDATION_ERROR", r.json(t, "detail.error_code"), limits)
		}
	}
}

func TestJudgeRequestsAreValidated(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for request, want := range map[string]int{
		"GET ?type_filter=REGRESSION&type_filter=CLASSIFICATION": 200,
		"GET ?type_filter=REGRESSION&type_filter=OTHER":          422,
		"GET ?page_size=101":       422,
		"GET /" + nobody:           404,
		"GET /no-id":               422,
		"DELETE /no-id":            422,
		"POST /no-id/live-judging": 422,
	} {
		method, path, _ := strings.Cut(request, " ")
		body := ""
		if method == "POST" {
			body = `{"messages":[]}`
		}
		r := a.do(method, "/v1/observability/judges"+path, body)
		assert.Equal(t, want, r.status, "%s: %s", request, r.body)
	}
}
