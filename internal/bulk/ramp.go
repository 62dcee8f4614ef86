package bulk

// Ramp limits the number of requests in flight. The limit starts low, doubles with each step while
// the service refuses nothing, and is halved when it refuses something.
type Ramp struct {
	size, least, most int
	refusals          func() int
	seen              int // refusals
}

// NewRamp returns a ramp from least to most. refusals returns how often the service has refused a
// request so far because of overload.
func NewRamp(least, most int, refusals func() int) *Ramp {
	return &Ramp{size: least, least: least, most: most, refusals: refusals, seen: refusals()}
}

// Size returns how many requests may be in flight.
func (r *Ramp) Size() int { return r.size }

// Step doubles or halves the size.
func (r *Ramp) Step() {
	if now := r.refusals(); now > r.seen {
		r.size, r.seen = max(r.least, r.size/2), now
		return
	}
	r.size = min(2*r.size, r.most)
}
