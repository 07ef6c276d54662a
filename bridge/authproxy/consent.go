package authproxy

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"html"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// mostConsents bounds what a browser's cookie remembers; the oldest go.
const mostConsents = 24

// consents is the cookie that a browser gets with the first yes: what it is known
// by while somebody signs in to what was allowed, and what that is. It is sealed.
type consents struct {
	Browser string    `json:"b"`
	Given   []consent `json:"g"`
}

type consent struct {
	What  string `json:"w"` // see asked.consent
	Until int64  `json:"u"`
}

// consent names what a person says yes to: this client, with this redirect URI,
// for these scopes at this server. Anything else is asked anew.
func (q request) consent() string {
	scopes := slices.Sorted(slices.Values(q.Scopes))
	redirect := q.Redirect
	if u, err := parseRedirect(redirect); err == nil && isLoopback(u.Hostname()) {
		u.Host = u.Hostname() // its port is another each time
		redirect = u.String()
	}
	raw, _ := json.Marshal([]any{q.Client, redirect, q.Resource, scopes}) // always encodable
	return digest(string(raw))[:22]
}

// cookie names. With the prefix a browser takes them from this very host alone,
// not from a neighbour below the same domain (RFC 6265bis §4.1.3.2); on loopback
// without TLS they have the port instead, which cookies do not know.
func (p *Proxy) cookieName(what string) string {
	if p.secure {
		return "__Host-drawbridge-" + what
	}
	u, _ := url.Parse(p.cfg.Base) // it was read before
	return "drawbridge-" + what + "-" + u.Port()
}

func (p *Proxy) setCookie(w http.ResponseWriter, what, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: p.cookieName(what), Value: value, Path: "/", MaxAge: int(life / time.Second), Secure: p.secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, // it has to come back with the browser from the identity provider
	})
}

func (p *Proxy) cookie(r *http.Request, what string) string {
	c, err := r.Cookie(p.cookieName(what))
	if err != nil {
		return ""
	}
	return c.Value
}

// consents reads the cookie; one that is not ours is none.
func (p *Proxy) consents(r *http.Request) (c consents) {
	if err := unseal(p.keys.consent, p.cookie(r, "consent"), &c); err != nil {
		return consents{}
	}
	now := p.cfg.Now().Unix()
	c.Given = slices.DeleteFunc(c.Given, func(g consent) bool { return g.Until <= now })
	return c
}

// consented reports whether this browser's person has said yes to a request like
// this one, and what the browser is known by.
func (p *Proxy) consented(r *http.Request, asked request) (browser string, ok bool) {
	c := p.consents(r)
	what := asked.consent()
	return c.Browser, c.Browser != "" && slices.ContainsFunc(c.Given, func(g consent) bool { return g.What == what })
}

// remember notes a yes.
func (p *Proxy) remember(w http.ResponseWriter, r *http.Request, asked request) error {
	c := p.consents(r)
	if c.Browser == "" {
		c.Browser = random()
	}
	what := asked.consent()
	c.Given = slices.DeleteFunc(c.Given, func(g consent) bool { return g.What == what })
	c.Given = append(c.Given, consent{what, p.cfg.Now().Add(consentTime).Unix()})
	c.Given = c.Given[max(0, len(c.Given)-mostConsents):]
	sealed, err := seal(p.keys.consent, c)
	if err != nil {
		return err
	}
	p.setCookie(w, "consent", sealed, consentTime)
	return nil
}

// form is what the page that asks carries to its answer. It is sealed, and belongs
// to the browser that has the cookie; so does the sign-in that follows a yes.
//
// The cookie's name is its own: of two tabs that ask at once, before the browser has
// any cookie, neither takes the other's away.
type form struct {
	Request request `json:"q"`
	Cookie  string  `json:"k"` // the digest of the cookie's value
	Until   int64   `json:"u"`
}

// formCookie is the name of the cookie with the digest.
func formCookie(digest string) string { return "form-" + digest[:min(8, len(digest))] }

// ownForms are the values of the browser's cookies of forms.
func (p *Proxy) ownForms(r *http.Request) (all []string) {
	for _, c := range r.Cookies() {
		if len(c.Value) == 43 && unreserved(c.Value) && c.Name == p.cookieName(formCookie(digest(c.Value))) {
			all = append(all, c.Value)
		}
	}
	return all
}

// ask shows what a client wants and lets the person say yes or no.
func (p *Proxy) ask(w http.ResponseWriter, r *http.Request, asked request) {
	own := random()
	if forms := p.ownForms(r); len(forms) > 0 { // of another tab: it serves both, and cookies do not pile up
		own = forms[0]
	}
	sealed, err := seal(p.keys.form, form{asked, digest(own), p.cfg.Now().Add(stateTime).Unix()})
	if err != nil {
		p.sorry(w, r, http.StatusInternalServerError, "Nobody can sign in at the moment", "Try again in a minute.", err)
		return
	}
	p.setCookie(w, formCookie(digest(own)), own, stateTime)
	row := func(name, value string) string {
		return "<div><dt>" + html.EscapeString(name) + "</dt><dd>" + html.EscapeString(value) + "</dd></div>\n"
	}
	server := asked.Server
	if server == "" {
		server = "all servers of this bridge"
	}
	var b strings.Builder
	b.WriteString(paragraph("The app chose its name itself, and nobody has checked it. Go on only if you have just started a sign-in there."))
	b.WriteString("<dl>\n" + row("App", asked.Name) + row("Signs in for", server) + row("The answer goes to", landing(asked.Redirect)))
	if len(asked.Scopes) > 0 {
		b.WriteString(row("Asks for", strings.Join(asked.Scopes, ", ")))
	}
	b.WriteString(row("You sign in at", p.cfg.Upstream.host()) + "</dl>\n")
	b.WriteString(paragraph("The app can then use the servers of this bridge as you, as far as you may. You are asked again for another app, another address, or after 30 days."))
	b.WriteString("<form method=\"post\" action=\"" + AuthorizePath + "\">\n<input type=\"hidden\" name=\"request\" value=\"" + html.EscapeString(sealed) + "\">\n" +
		"<button type=\"submit\" name=\"answer\" value=\"deny\">Cancel</button>\n<button type=\"submit\" name=\"answer\" value=\"allow\">Allow</button>\n</form>\n")
	page{title: "Let “" + asked.Name + "” sign in as you?", body: b.String()}.write(w, http.StatusOK)
}

// maxAnswer bounds the form of the page that asks, in bytes.
const maxAnswer = 64 << 10

// answered takes the person's yes or no. It counts only from the page that this
// browser was shown.
func (p *Proxy) answered(w http.ResponseWriter, r *http.Request) {
	f, own, allowed, err := p.readAnswer(w, r)
	if err != nil {
		p.cfg.Limits.Failed(r.Context(), address(r))
		p.sorry(w, r, http.StatusForbidden, "This answer does not count", "The page was open for too long, or it was not opened in this browser. Start the sign-in again in the app.", err)
		return
	}
	asked := f.Request
	if !allowed {
		p.cfg.Heard(p.event(r, "denied", asked, "access_denied"))
		p.leave(w, "You have not signed in", "“"+asked.Name+"” is told that you said no.", p.failure(asked, "access_denied", ""))
		return
	}
	if err := p.remember(w, r, asked); err != nil {
		p.sorry(w, r, http.StatusInternalServerError, "Nobody can sign in at the moment", "Try again in a minute.", err)
		return
	}
	p.setCookie(w, formCookie(f.Cookie), own, stateTime) // as long as the sign-in may take
	if address, ok := p.begin(w, r, asked, own); ok {
		p.leave(w, "You sign in at "+p.cfg.Upstream.host(), "Your browser goes there now.", address)
	}
}

// readAnswer returns the form that was answered, and the value of its cookie.
func (p *Proxy) readAnswer(w http.ResponseWriter, r *http.Request) (f form, own string, allowed bool, err error) {
	// Every browser tells the origin of a form that is posted.
	if r.Header.Get("Origin") != p.origin {
		return f, "", false, errors.New("it comes from another page")
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return f, "", false, errors.New("it is no form")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxAnswer)
	if err := r.ParseForm(); err != nil {
		return f, "", false, errors.New("it cannot be read")
	}
	if err := unseal(p.keys.form, r.PostForm.Get("request"), &f); err != nil {
		return f, "", false, err
	}
	own = p.cookie(r, formCookie(f.Cookie))
	switch answer := r.PostForm.Get("answer"); {
	case own == "" || subtle.ConstantTimeCompare([]byte(digest(own)), []byte(f.Cookie)) != 1:
		return f, "", false, errors.New("the form was shown to another browser")
	case p.cfg.Now().Unix() >= f.Until:
		return f, "", false, errors.New("the form is over")
	case answer != "allow" && answer != "deny":
		return f, "", false, errors.New("it is neither yes nor no")
	default:
		return f, own, answer == "allow", nil
	}
}
