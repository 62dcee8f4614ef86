// Package p has one of each kind of declaration.
package p

import (
	"io"
	"iter"
)

const (
	Limit      = 5
	Kind  Name = "kind"
)

var ErrX error

type (
	Name   string
	hidden struct{ A int }
	Text   = Name
)

type Pair[K comparable, V any] struct {
	Key    K `json:"key"`
	Value  V
	secret hidden
	io.Reader
}

func (p *Pair[K, V]) Swap(func(K, V) bool) (Pair[K, V], error) { return *p, nil }

func (p *Pair[K, V]) unexported() {}

type Doer interface {
	Do(string, ...int) error
}

type Callback func(int64, int64)

func Map[T, U any](iter.Seq2[T, error], func(T) U) iter.Seq[U] { return nil }

func F(int, map[string]func(int)) error { return nil }
