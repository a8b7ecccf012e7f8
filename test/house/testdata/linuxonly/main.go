// Command linuxonly does not build for Windows, and is never built: the house's tests
// look whether they notice.
package main

import (
	"fmt"
	"net/http"

	"golang.org/x/sys/unix"
)

func main() { fmt.Println(unix.Unshare(unix.CLONE_NEWNET), http.MethodGet) }
