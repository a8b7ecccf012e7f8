package bench

import (
	"math"
	"slices"
	"time"
)

// Sample holds the measurements of one thing, in one unit, in the order taken.
type Sample []float64

// Add appends a measurement.
func (s *Sample) Add(v float64) { *s = append(*s, v) }

// AddTime appends a duration in seconds.
func (s *Sample) AddTime(d time.Duration) { s.Add(d.Seconds()) }

// Median is the middle of the sample, NaN when it is empty.
func (s Sample) Median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	if half := len(sorted) / 2; len(sorted)%2 == 0 {
		return (sorted[half-1] + sorted[half]) / 2
	}
	return sorted[len(sorted)/2]
}

// Spread is the smallest and the largest measurement, NaN when there is none.
func (s Sample) Spread() (least, most float64) {
	if len(s) == 0 {
		return math.NaN(), math.NaN()
	}
	return slices.Min(s), slices.Max(s)
}

// alternate measures a floor and what stands on it in turn, so that whatever else the
// machine does meets both.
func alternate(rounds int, floor, measured func(round int) (float64, error)) (floors, values Sample, err error) {
	for i := range rounds {
		for _, side := range []struct {
			take func(int) (float64, error)
			into *Sample
		}{{floor, &floors}, {measured, &values}} {
			v, err := side.take(i)
			if err != nil {
				return nil, nil, err
			}
			side.into.Add(v)
		}
	}
	return floors, values, nil
}

// constant is a floor that needs no measuring.
func constant(v float64) func(int) (float64, error) {
	return func(int) (float64, error) { return v, nil }
}
