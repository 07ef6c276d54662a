package authproxy

import (
	"crypto/sha256"
	_ "embed" // the style is part of the program
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
)

//go:embed page.css
var pageCSS string

// style is the one of all pages, styleHash what their content security policy
// allows it by.
var (
	style     = "\n" + strings.TrimSpace(pageCSS) + "\n"
	styleHash = func() string {
		sum := sha256.Sum256([]byte(style))
		return base64.StdEncoding.EncodeToString(sum[:])
	}()
)

// page is what a browser shows: no script, nothing from elsewhere, in nobody's
// frame. body is HTML, in which every value is escaped; onward is where the
// browser goes by itself, or "".
type page struct{ title, body, onward string }

// headers are those of everything that a browser gets here.
func headers(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// Not no-referrer, with which a browser tells the origin of a form as null; an
	// address of these pages goes to no other origin.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// write sends a page. It is HTML made by hand because html/template would let the
// linker leave out less of the whole program.
func (g page) write(w http.ResponseWriter, status int) {
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
		"<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n")
	if g.onward != "" {
		b.WriteString("<meta http-equiv=\"refresh\" content=\"0; url=" + html.EscapeString(strings.ReplaceAll(g.onward, "'", "%27")) + "\">\n")
	}
	b.WriteString("<title>" + html.EscapeString(g.title) + " · Drawbridge</title>\n<style>" + style + "</style>\n</head>\n<body>\n<main>\n<h1>" + html.EscapeString(g.title) + "</h1>\n")
	b.WriteString(g.body)
	b.WriteString("<footer>Drawbridge</footer>\n</main>\n</body>\n</html>\n")
	h := w.Header()
	headers(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+styleHash+"'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, b.String())
}

func paragraph(text string) string { return "<p>" + html.EscapeString(text) + "</p>\n" }

// sorry tells a person why nothing goes on. The cause is for the log.
func (p *Proxy) sorry(w http.ResponseWriter, r *http.Request, status int, title, text string, cause error) {
	p.cfg.Log.Info("sign-in refused", "at", r.URL.Path, "why", title, "cause", cause, "address", address(r))
	g := page{title: title, body: paragraph("Nothing was changed. You can close this page.")}
	if text != "" {
		g.body = paragraph(text) + g.body
	}
	g.write(w, status)
}

// send sends the browser on. The address that it leaves is told to nobody.
func (p *Proxy) send(w http.ResponseWriter, _ *http.Request, address string) {
	h := w.Header()
	headers(h)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", address)
	w.WriteHeader(http.StatusFound)
}

// leave sends the browser on from a form. A redirect would not do: browsers hold
// its target, and all that that redirects to, against form-action.
func (p *Proxy) leave(w http.ResponseWriter, title, text, address string) {
	page{
		title:  title,
		body:   paragraph(text) + "<p><a href=\"" + html.EscapeString(address) + "\" rel=\"noreferrer\">Go on</a></p>\n",
		onward: address,
	}.write(w, http.StatusOK)
}

// browser refuses what is no page of its own in a browser: a frame, an image, a
// script's request (Fetch Metadata), and who comes too often.
func (p *Proxy) browser(w http.ResponseWriter, r *http.Request) bool {
	if p.wait(w, r) {
		p.sorry(w, r, http.StatusTooManyRequests, "Too many requests came from your address", "Try again in a minute.", nil)
		return false
	}
	dest, mode := r.Header.Get("Sec-Fetch-Dest"), r.Header.Get("Sec-Fetch-Mode")
	if dest != "" && dest != "document" || mode != "" && mode != "navigate" {
		headers(w.Header())
		http.Error(w, "This is a page of its own.", http.StatusForbidden)
		return false
	}
	return true
}
