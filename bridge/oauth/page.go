package oauth

import (
	"crypto/sha256"
	_ "embed" // the page is part of the program
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Page is what the browser shows in the end. Both texts are plain text.
type Page struct {
	// OK is true only after everything has succeeded.
	OK bool
	// Title is a few words, Text a sentence or two.
	Title, Text string

	onward string // an address to send the browser to instead
}

// The pages that need no outcome.
var (
	pageNotAwaited = Page{
		Title: "Not the answer that was awaited",
		Text: "Drawbridge waits for the answer to another sign-in, or for none. Nothing was changed. " +
			"If you were signing in, go back to the tab that Drawbridge opened, or start again.",
	}
	pageGivenUp = Page{
		Title: "This sign-in was given up",
		Text:  "Drawbridge no longer waits for it. Start the sign-in again.",
	}
	pageStillWorking = Page{
		Title: "Still working",
		Text:  "The sign-in is not over yet. Look at Drawbridge to see how it went.",
	}
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
)

// render makes the page, and the hash of its style for the content security
// policy. It does without html/template, which would cost the lean binary more
// than all of this package: every value stands in element content.
func (p Page) render() (page, styleHash string) {
	style := "\n" + strings.TrimSpace(pageCSS) + "\n"
	class, sign := "no", "M24 13v14M24 34v.5"
	if p.OK {
		class, sign = "ok", "M14 25l7 7 13-15"
	}
	sum := sha256.Sum256([]byte(style))
	return strings.NewReplacer(
		"{{style}}", style, "{{class}}", class, "{{sign}}", sign,
		"{{title}}", html.EscapeString(p.Title), "{{text}}", html.EscapeString(p.Text),
	).Replace(pageHTML), base64.StdEncoding.EncodeToString(sum[:])
}

// write sends the page and flushes it, so that the server may be closed after.
// The address of this page holds a code: nothing may cache or refer to it, and
// nothing on it is loaded from anywhere.
func (p Page) write(w http.ResponseWriter, status int) {
	page, styleHash := p.render()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(page)))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+styleHash+"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, page)
	_ = http.NewResponseController(w).Flush()
}
