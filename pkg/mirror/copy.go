package mirror

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Target is the image under a registry, or a registry and a path: the repository and
// the tag stay, and so does a digest.
type Target struct {
	// Tag is what to copy to: a copy needs a tag.
	Tag string
	// Use is what to pull: by digest where the image was given so.
	Use string
}

// TargetOf is where image goes under to, such as registry.example:5000/tools.
func TargetOf(image, to string) (Target, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return Target{}, err
	}
	repository := strings.TrimSuffix(to, "/") + "/" + ref.Context().RepositoryStr()
	tag := ref.Identifier()
	pinned, byDigest := ref.(name.Digest)
	if byDigest {
		// The tag before a digest is dropped by the parser, and is only a name.
		tag = strings.Replace(pinned.DigestStr(), ":", "-", 1)[:len("sha256-")+12]
	}
	target := Target{Tag: repository + ":" + tag}
	target.Use = target.Tag
	if byDigest {
		target.Use = repository + "@" + pinned.DigestStr()
	}
	if _, err := name.ParseReference(target.Use); err != nil {
		return Target{}, err
	}
	return target, nil
}

// FullName is a reference with its registry and tag, as nodes and other tools call it:
// index.docker.io is a name that go-containerregistry alone has for docker.io.
func FullName(ref name.Reference) string {
	if registry := ref.Context().RegistryStr(); registry == name.DefaultRegistry {
		return strings.Replace(ref.Name(), registry, "docker.io", 1)
	}
	return ref.Name()
}
