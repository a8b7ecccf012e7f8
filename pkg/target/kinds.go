package target

import (
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/target/nearest"
)

// objectKind is one kind of object that a target can name.
type objectKind struct {
	kind Kind
	// word is how the canonical form and the hints spell it.
	word string
	// resource is the plural resource of a workload, "" for other kinds.
	resource string
	// aliases are the other spellings, lower case: kubectl's short names, plurals,
	// and what `kubectl get -o name` prints.
	aliases []string
	// clusterScoped objects have no namespace.
	clusterScoped bool
	// label says that names are DNS labels; others are DNS subdomains.
	label bool
}

var objectKinds = []objectKind{
	{kind: Pod, word: "pod", aliases: []string{"po", "pods"}},
	{kind: Service, word: "svc", aliases: []string{"service", "services"}, label: true},
	{kind: Node, word: "node", aliases: []string{"no", "nodes"}, clusterScoped: true},
	{kind: Workload, word: "deployment", resource: "deployments", aliases: []string{"deploy", "deployments", "deployment.apps"}},
	{kind: Workload, word: "statefulset", resource: "statefulsets", aliases: []string{"sts", "statefulsets", "statefulset.apps"}},
	{kind: Workload, word: "daemonset", resource: "daemonsets", aliases: []string{"ds", "daemonsets", "daemonset.apps"}},
	{kind: Workload, word: "replicaset", resource: "replicasets", aliases: []string{"rs", "replicasets", "replicaset.apps"}},
	{kind: Workload, word: "job", resource: "jobs", aliases: []string{"jobs", "job.batch"}},
}

// findKind looks a typed kind up, in any case.
func findKind(typed string) (objectKind, bool) {
	typed = strings.ToLower(typed)
	for _, k := range objectKinds {
		if typed == k.word {
			return k, true
		}
		for _, alias := range k.aliases {
			if typed == alias {
				return k, true
			}
		}
	}
	return objectKind{}, false
}

// kindWords lists the kinds for an error message.
func kindWords() string {
	words := make([]string, len(objectKinds))
	for i, k := range objectKinds {
		words[i] = k.word
	}
	return strings.Join(words, ", ")
}

// nearestKind is the kind, as it may be typed, that typed most likely means, or "".
func nearestKind(typed string) string {
	var spellings []string
	for _, k := range objectKinds {
		spellings = append(append(spellings, k.word), k.aliases...)
	}
	if near := nearest.Of(strings.ToLower(typed), spellings, 1); len(near) > 0 {
		return near[0]
	}
	return ""
}

// LikeKind reports whether a word is a kind, or nearly one.
func LikeKind(word string) bool {
	_, known := findKind(word)
	return known || nearestKind(word) != ""
}

// Word is t's kind as people write it ("svc", "deployment"), "" when t names no
// object.
func (t Target) Word() string {
	for _, k := range objectKinds {
		if k.kind == t.Kind && k.resource == t.Resource {
			return k.word
		}
	}
	return ""
}
