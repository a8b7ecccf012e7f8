package main

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/images/imagetar"
)

// TestSameAsDockerfile compares what is set by both ways to make the images.
func TestSameAsDockerfile(t *testing.T) {
	t.Run("probe", func(t *testing.T) {
		compare(t, "../probe/Dockerfile", image("docker.io/netlook/probe:dev", "netlook-probe", "${VERSION}"))
	})
	t.Run("toolbox", func(t *testing.T) {
		img, err := toolbox("docker.io/netlook/toolbox:dev", "netlook-probe", "${VERSION}", "rootfs.tar.gz", "../toolbox/files")
		if err != nil {
			t.Fatal(err)
		}
		if got := img.Files["/usr/local/bin/netlook-shell"].Mode; got != 0o755 {
			t.Errorf("the entry has mode %o", got)
		}
		maps.DeleteFunc(img.Files, func(path string, f imagetar.File) bool { return f.Source != "netlook-probe" })
		compare(t, "../toolbox/Dockerfile", img)
	})
}

func compare(t *testing.T, file string, img imagetar.Image) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dockerfile := string(data)
	want := []string{
		"FROM scratch\n",
		"USER " + img.User + "\n",
		"WORKDIR " + img.WorkingDir + "\n",
		fmt.Sprintf("ENTRYPOINT [%q]\n", img.Entrypoint[0]),
	}
	for path := range img.Files {
		want = append(want, "COPY ${TARGETPLATFORM}/netlook-probe "+path+"\n")
	}
	for key, value := range img.Labels {
		want = append(want, fmt.Sprintf("%s=%q", key, value))
	}
	if len(img.Env) > 0 {
		want = append(want, "ENV "+strings.Join(img.Env, " ")+"\n")
	}
	for _, line := range want {
		if !strings.Contains(dockerfile, line) {
			t.Errorf("the Dockerfile lacks %q", line)
		}
	}
	if n := strings.Count(dockerfile, "org.opencontainers.image."); n != len(img.Labels) {
		t.Errorf("%d labels in the Dockerfile, %d here", n, len(img.Labels))
	}
}
