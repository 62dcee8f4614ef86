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

func (p *Pair[K, V]) Swap(with func(k K, v V) (ok bool)) (Pair[K, V], error) { return *p, nil }

func (p *Pair[K, V]) unexported() {}

type Doer interface {
	Do(name string, n ...int) error
}

type Callback func(done, total int64)

func Map[T, U any](items iter.Seq2[T, error], f func(item T) U) iter.Seq[U] { return nil }

func F(a int, b map[string]func(c int)) (d error) { return nil }
