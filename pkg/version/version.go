// Package version says which build this is and which probe image belongs to it. It
// may import the standard library only.
package version

import "runtime/debug"

// Version is the release, set at link time:
//
//	-ldflags "-X github.com/netlook/kubectl-netlook/pkg/version.Version=v1.2.3"
var Version = "dev"

// Image is the reference of the probe image that belongs to this build, set at link
// time likewise. It is the one place that says so; --image and NETLOOK_IMAGE replace it.
var Image = "docker.io/netlook/probe:dev"

// ToolboxImage is that of `kubectl netlook shell`, set likewise; --image and
// NETLOOK_TOOLBOX_IMAGE replace it.
var ToolboxImage = "docker.io/netlook/toolbox:dev"

// Build identifies the sources: a revision of at most 12 characters, with "-dirty"
// behind it when files differed from it. Without one it is the version.
func Build() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		if id := revision(info.Settings); id != "" {
			return id
		}
	}
	return Version
}

func revision(settings []debug.BuildSetting) string {
	var id, dirty string
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			id = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	return id + dirty
}
