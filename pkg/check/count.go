package check

import "fmt"

// Count is "1 line" or "38 lines". It is here because all that write sentences know this
// package: checks, causes and the report.
func Count[N ~int | ~int32 | ~int64 | ~uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
