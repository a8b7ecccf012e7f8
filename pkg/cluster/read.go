package cluster

import (
	"context"
	"errors"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
	"k8s.io/klog/v2"
)

// pageSize is how many objects one list request asks for.
const pageSize = 500

// errEnough ends a paged read early; it is never returned to a caller.
var errEnough = errors.New("enough")

// get sends one request within the request timeout and explains its error.
func get[T any](ctx context.Context, c *Client, doing string, request func(context.Context) (T, error)) (T, error) {
	bounded, cancel := c.request(ctx)
	defer cancel()
	object, err := again(bounded, c, request)
	if err != nil {
		var none T
		return none, c.explain(ctx, doing, err)
	}
	return object, nil
}

// request is the context of one request. client-go logs to stderr what becomes of
// requests that are given up, as those of a run are when it fails early; whoever
// called is told by the error instead.
func (c *Client) request(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(klog.NewContext(ctx, logr.Discard()), c.timeout)
}

// lister lists objects of one resource, as the methods of a clientset do.
type lister[L runtime.Object] func(context.Context, metav1.ListOptions) (L, error)

// each reads a list in pages, each within the request timeout, and calls visit for
// every item, so that no more than two pages are held at a time. visit ends the
// reading without an error by returning errEnough.
func each[L, Item runtime.Object](ctx context.Context, c *Client, doing string, opts metav1.ListOptions, list lister[L], visit func(Item) error) error {
	pages := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		bounded, cancel := c.request(ctx)
		defer cancel()
		page, err := again(bounded, c, func(ctx context.Context) (L, error) { return list(ctx, opts) })
		if err != nil {
			return nil, err
		}
		return page, nil
	})
	pages.PageSize, pages.PageBufferSize = pageSize, 0
	err := pages.EachListItem(ctx, opts, func(object runtime.Object) error {
		item, ok := object.(Item)
		if !ok {
			return nil // a list holds items of its own type only
		}
		return visit(item)
	})
	if err == nil || errors.Is(err, errEnough) {
		return nil
	}
	return c.explain(ctx, doing, err)
}
