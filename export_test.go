package mistralobs

import "reflect"

// WithoutRaw removes the JSON that a result or the items of a page keep, so that tests can compare
// them as a whole.
func WithoutRaw[T any](result T) T {
	if k, ok := any(result).(interface{ keep(Object) }); ok {
		k.keep(nil)
		return result
	}
	v := reflect.Indirect(reflect.ValueOf(result))
	if v.Kind() != reflect.Struct || !v.FieldByName("Items").IsValid() {
		return result
	}
	for items, i := v.FieldByName("Items"), 0; i < items.Len(); i++ {
		WithoutRaw(items.Index(i).Addr().Interface())
	}
	return result
}

// Decode decodes a result as a method of a service does.
func Decode(body []byte, v any) error {
	var required []string
	switch v.(type) {
	case *Span, *SpanEvaluation:
		required = hasSpanID
	}
	return decodeResult(body, "", required, v)
}
