package bench

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		name   string
		sample Sample
		want   float64
	}{
		{"one", Sample{3}, 3},
		{"odd, out of order", Sample{9, 1, 2}, 2},
		{"even: between the two", Sample{4, 1, 2, 100}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := append(Sample(nil), tt.sample...)
			if got := tt.sample.Median(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if diff := cmp.Diff(before, tt.sample); diff != "" {
				t.Errorf("the order of the sample was changed: %s", diff)
			}
		})
	}
	if !math.IsNaN(Sample(nil).Median()) {
		t.Error("no measurements have a median")
	}
}

func TestAlternate(t *testing.T) {
	var order []string
	take := func(name string) func(int) (float64, error) {
		return func(round int) (float64, error) {
			order = append(order, name)
			return float64(round), nil
		}
	}
	floors, values, err := alternate(2, take("floor"), take("value"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"floor", "value", "floor", "value"}, order); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Sample{{0, 1}, {0, 1}}, []Sample{floors, values}); diff != "" {
		t.Error(diff)
	}
	broken := errors.New("broken")
	if _, _, err := alternate(2, take("floor"), func(int) (float64, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		name string
		row  Row
		want string
	}{
		{"at the limit", Row{Budget: "2 s", Limit: 2, Values: Sample{1, 2, 3}}, "yes"},
		{"over it", Row{Budget: "2 s", Limit: 2, Values: Sample{2.1}}, "**no**"},
		{"without a budget", Row{Values: Sample{2.1}}, "-"},
		{"never measured is never within", Row{Budget: "2 s", Limit: 2}, "-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.row.Within(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
