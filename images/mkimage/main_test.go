package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestSameAsDockerfile compares what is set by both ways to make the image.
func TestSameAsDockerfile(t *testing.T) {
	data, err := os.ReadFile("../probe/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	dockerfile := string(data)
	img := image("docker.io/netlook/probe:dev", "netlook-probe", "${VERSION}")
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
	for _, line := range want {
		if !strings.Contains(dockerfile, line) {
			t.Errorf("the Dockerfile lacks %q", line)
		}
	}
	if n := strings.Count(dockerfile, "org.opencontainers.image."); n != len(img.Labels) {
		t.Errorf("%d labels in the Dockerfile, %d here", n, len(img.Labels))
	}
}
