package checks

import (
	"io"
	"os"
)

// maxFile is how much of a vantage point's file is read, in bytes.
const maxFile = 1 << 20

// readBounded reads the beginning of a file of the vantage point. Its errors name the
// file.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile))
}
