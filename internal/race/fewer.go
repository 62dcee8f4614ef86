// Package race tells tests whether the race detector is on. With it everything takes about ten times as long.
package race

// Fewer returns how often a test repeats something that it repeats n times without the race detector. The detector does
// not need two accesses to collide, only to be unordered, so fewer repetitions are enough.
func Fewer(n int) int {
	if Enabled {
		return n / 4
	}
	return n
}
