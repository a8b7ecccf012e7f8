package bench

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	binaryLimit = 15.0 // MB
	imageLimit  = 6.0  // MB
)

// Sizes measures what is copied to nodes; the floor is a Go program that does nothing.
func (b *Bed) Sizes(ctx context.Context) ([]Row, error) {
	empty, err := b.buildEmpty(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(empty)) }()
	packed, err := gzipped(empty)
	if err != nil {
		return nil, err
	}
	bare, err := size(empty)
	if err != nil {
		return nil, err
	}
	rows := []Row{
		{What: "probe's binary", Unit: MB, Budget: "15 MB", Limit: binaryLimit, Floor: "a Go program that does nothing", Floors: Sample{bare}},
		{What: "probe's image, compressed", Unit: MB, Budget: "6 MB", Limit: imageLimit, Floor: "that program, compressed", Floors: Sample{packed}},
		{What: "plugin's binary", Unit: MB, Floor: "kubectl's"},
	}
	for i, file := range []string{"netlook-probe", "probe.tar", "kubectl-netlook"} {
		mb, err := size(filepath.Join(b.root, "bin", file))
		if err != nil {
			return nil, err
		}
		rows[i].Values.Add(mb)
	}
	bin, err := b.output(ctx, "testcluster", "bin")
	if err != nil {
		return nil, err
	}
	kubectl, err := size(filepath.Join(bin, "kubectl"))
	rows[2].Floors.Add(kubectl)
	return rows, err
}

// buildEmpty builds the floor, with the linker's flags of the Makefile.
func (b *Bed) buildEmpty(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "netlook-bench-")
	if err != nil {
		return "", err
	}
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return "", err
	}
	empty := filepath.Join(dir, "empty")
	if _, err := b.run(ctx, nil, "go", "build", "-ldflags", "-s -w", "-o", empty, source); err != nil {
		return "", err
	}
	return empty, nil
}

// size is a file's in MB.
func size(file string) (float64, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()) / 1e6, nil
}

type counted int64

func (c *counted) Write(b []byte) (int, error) {
	*c += counted(len(b))
	return len(b), nil
}

// gzipped is a file's size in MB when compressed as layers of images are.
func gzipped(file string) (float64, error) {
	source, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer func() { _ = source.Close() }()
	var n counted
	z := gzip.NewWriter(&n)
	if _, err := io.Copy(z, source); err != nil {
		return 0, fmt.Errorf("compress %s: %w", file, err)
	}
	err = z.Close()
	return float64(n) / 1e6, err
}
