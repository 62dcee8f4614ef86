// Package mistralobs is a client for the Mistral Observability Datasets API.
package mistralobs
