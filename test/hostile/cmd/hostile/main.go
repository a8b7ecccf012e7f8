// Command hostile is the program of the hostile probe's image. The attack is chosen by
// the name of the pod: an image and no flags is all that a user of --image chooses.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/test/hostile"
)

func main() {
	time.AfterFunc(hostile.Lifetime, func() { os.Exit(0) })
	host, err := os.Hostname()
	name := strings.TrimPrefix(host, "hostile-")
	o := hostile.Options{Build: os.Getenv("NETLOOK_BUILD"), Die: func() { os.Exit(2) }}
	if err != nil || !hostile.Serve(name, forever{os.Stdin}, os.Stdout, o) {
		fmt.Fprintf(os.Stderr, "error: %q is no attack (%v)\n", name, err)
		os.Exit(1)
	}
}

// forever is a reader to which the end of a stream is none: another attach may come.
type forever struct{ r io.Reader }

func (f forever) Read(p []byte) (int, error) {
	for {
		n, err := f.r.Read(p)
		if n > 0 || err != nil && err != io.EOF {
			return n, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}
