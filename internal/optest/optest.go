// Package optest is the list of the operations that the SDK calls. Every test that has to meet all
// operations goes through it: what they send and return, faults, cancellations, and the soak.
package optest

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

// Operation is a row of the list.
type Operation struct {
	Name    string // as mistralobs.OperationName returns it, and as the emulator names it
	Method  string // of the client, such as "Datasets.List"
	Route   string // the HTTP method and the path of the API reference
	Creates bool   // reports whether a repeat would create another object

	Call func(context.Context, *mistralobs.Client, World) (any, error)

	// What the call sends and returns in the world [Example].
	Query  url.Values
	Body   string // JSON; "" if there is none, or a form
	Status int
	Answer string
	Want   any // without the JSON that it keeps; nil if the operation has no result
}

// World names what calls use.
type World struct {
	Dataset, Record, Task, File, Judge, Campaign, Event, Conversation string // IDs

	Span mistralobs.SpanReference
	Name string // of what is created; no other object has it
}

// Changes reports whether the operation changes or deletes something.
func (op *Operation) Changes() bool {
	return !op.Creates &&
		(op.Status == http.StatusNoContent || op.HTTPMethod() == "PATCH" || op.HTTPMethod() == "DELETE")
}

// HTTPMethod is that of the route.
func (op *Operation) HTTPMethod() string {
	method, _, _ := strings.Cut(op.Route, " ")
	return method
}

// Path is the path of the route with the IDs of a world.
func (op *Operation) Path(w World) string {
	_, path, _ := strings.Cut(op.Route, " ")
	return strings.NewReplacer(
		"{dataset_id}", w.Dataset, "{dataset_record_id}", w.Record, "{task_id}", w.Task, "{file_id}", w.File,
		"{judge_id}", w.Judge, "{trace_id}", w.Span.TraceID, "{span_id}", w.Span.SpanID, "{field_name}", fieldName,
	).Replace(path)
}
