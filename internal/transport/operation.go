package transport

import "context"

// Operation says what a request is for.
type Operation struct {
	Name    string // such as "records.create"
	Attempt int    // counted from 1
}

type operationKey struct{}

// WithOperation returns a context that carries op.
func WithOperation(ctx context.Context, op Operation) context.Context {
	return context.WithValue(ctx, operationKey{}, op)
}

// OperationOf returns the operation that ctx carries, or the zero Operation.
func OperationOf(ctx context.Context) Operation {
	op, _ := ctx.Value(operationKey{}).(Operation)
	return op
}
