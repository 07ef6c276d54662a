package demo

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed signin.html
var signInHTML string

//go:embed problem.html
var problemHTML string

//go:embed style.css
var styleCSS []byte

// signInPage is what signin.html shows.
type signInPage struct {
	ID, CSRF   string
	Client     string
	ReturnHost string
	Server     string
	Scopes     []string
	People     []personChoice
}

type personChoice struct {
	Name, Email, Initials string
	Checked               bool
}

// problemPage is what problem.html shows.
type problemPage struct{ Title, Text string }

func (d *Demo) showSignIn(w http.ResponseWriter, id string, req *request) {
	page := signInPage{
		ID: id, CSRF: req.csrf, Client: req.client.name,
		ReturnHost: hostOf(req.redirectURI), Server: req.resource,
	}
	for _, s := range allScopes() {
		if slices.Contains(req.scopes, s.name) {
			page.Scopes = append(page.Scopes, s.meaning)
		}
	}
	_, hinted := personByEmail(req.hint)
	for i, p := range people() {
		page.People = append(page.People, personChoice{
			Name: p.name, Email: p.email, Initials: p.initials,
			Checked: p.email == req.hint || !hinted && i == 0,
		})
	}
	d.show(w, http.StatusOK, signInHTML, page, formTarget(req.redirectURI))
}

func (d *Demo) showProblem(w http.ResponseWriter, status int, title, text string) {
	d.show(w, status, problemHTML, problemPage{title, text}, "")
}

// show renders a page. It runs no script, so the policy allows none; formAction
// is an origin besides this one that a form may lead to.
func (d *Demo) show(w http.ResponseWriter, status int, text string, data any, formAction string) {
	var out bytes.Buffer
	t, err := template.New("page").Parse(text)
	if err == nil {
		err = t.Execute(&out, data)
	}
	if err != nil {
		d.cfg.Log.Error("a page could not be made", "err", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", strings.TrimSpace("default-src 'none'; style-src 'self'; base-uri 'none'; "+
		"frame-ancestors 'none'; form-action 'self' "+formAction))
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: that makes browsers send "Origin: null" with the form.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

// formTarget is the source expression for where the form's answer leads:
// browsers hold form-action against the redirect too. CSP has no way to write
// an IPv6 address, so there the scheme has to do (CSP3 §2.3.1).
func formTarget(redirectURI string) string {
	host := hostOf(redirectURI)
	if strings.Contains(host, "[") {
		return "http:"
	}
	return "http://" + host
}

func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Host
}

// style serves the pages' style sheet.
func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(styleCSS)
}
