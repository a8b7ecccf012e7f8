package policy

import (
	"fmt"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// selector is a label selector, read once.
type selector struct {
	labels labels.Selector
	broken string
}

// compileSelector reads the selector of a field. An empty one takes everything; nil is for the
// caller to tell apart, since what it means depends on where it stands.
func compileSelector(field string, s *metav1.LabelSelector) selector {
	compiled, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return selector{broken: fmt.Sprintf("the %s cannot be read: %v", field, plain(err.Error()))}
	}
	return selector{labels: compiled}
}

// plain keeps what an object's author wrote, and an error repeats, to a line of a
// sensible length.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	return fmt.Sprintf("%.300s", text)
}

func (s selector) matches(set map[string]string) answer {
	if s.broken != "" {
		return answer{maybe, s.broken}
	}
	return answer{is: truthOf(s.labels.Matches(labels.Set(set)))}
}

// matchesNamespace matches a namespace whose labels may not have been read (nil). Its
// name is then known all the same, and with it the label that the API server sets on
// every namespace and lets nobody change (KEP-2161, Kubernetes 1.22).
func (s selector) matchesNamespace(name string, set map[string]string) answer {
	if set != nil || s.broken != "" {
		return s.matches(set)
	}
	requirements, selectable := s.labels.Requirements()
	if !selectable {
		return answer{}
	}
	result := answer{is: yes}
	for _, r := range requirements {
		one := answer{maybe, "the labels of namespace " + name + " were not read"}
		if r.Key() == corev1.LabelMetadataName {
			one = answer{is: truthOf(r.Matches(labels.Set{r.Key(): name}))}
		}
		result = both(result, one)
	}
	return result
}
