// Package browser looks at the pages that `-o html` makes, in a headless Chromium: what
// only a browser can tell, which is whether the style applies under the page's own
// Content-Security-Policy, whether anything is run or fetched, and whether the broken hop
// can be seen. It has tests only, and is a module of its own because of chromedp.
package browser
