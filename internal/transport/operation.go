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
	return &operationContext{ctx, op}
}

// OperationOf returns the operation that ctx carries, or the zero Operation.
func OperationOf(ctx context.Context) Operation {
	if op, ok := ctx.Value(operationKey{}).(*Operation); ok {
		return *op
	}
	return Operation{}
}

// operationContext is what context.WithValue returns, in one allocation instead of two.
type operationContext struct {
	context.Context
	op Operation
}

func (c *operationContext) Value(key any) any {
	if key == (operationKey{}) {
		return &c.op
	}
	return c.Context.Value(key)
}
