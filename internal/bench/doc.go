// Package bench compares the SDK with a program that uses net/http and encoding/json alone.
//
// Each benchmark runs the same work with both clients, against a server in another process.
// BENCHMARKS.md explains the results; internal/bench/table runs the benchmarks and prints a table.
package bench
