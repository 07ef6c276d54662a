package demo

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
)

// challengeForm is what an S256 challenge looks like (RFC 7636 §4.2).
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// authorize is the authorization endpoint (RFC 6749 §4.1.1): it checks the
// request and shows the sign-in page.
func (d *Demo) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	// Until client and redirect URI are known to belong together, nothing is
	// sent anywhere: the person reads it here (RFC 6749 §4.1.2.1).
	cl := d.clients.find(query.Get("client_id"))
	if cl == nil || len(query["client_id"]) > 1 {
		d.showProblem(w, http.StatusBadRequest, "This program is not known here",
			"It may have registered before the demo was started again. Start the sign-in again from the program.")
		return
	}
	redirectURI := query.Get("redirect_uri")
	if !cl.allows(redirectURI) || len(query["redirect_uri"]) > 1 {
		d.showProblem(w, http.StatusBadRequest, "The address to return to is not the program's",
			"The program asked to send you to an address that it did not register. Nothing was sent there.")
		return
	}
	req, err := d.checkAuthorization(cl, redirectURI, query)
	if err != nil {
		d.sendBack(w, r, redirectURI, query.Get("state"), oauthFields(err))
		return
	}
	cookie := d.browserCookie(r)
	req.csrf, req.browser = random(), digestOf(cookie)
	id, ok := d.requests.open(req)
	if !ok {
		d.sendBack(w, r, redirectURI, req.state, oauthFields(refuse("temporarily_unavailable", "too many sign-ins are open")))
		return
	}
	d.counts.authorizations.Add(1)
	http.SetCookie(w, &http.Cookie{
		Name: d.cookieName(), Value: cookie, Path: "/authorize",
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	d.showSignIn(w, id, req)
}

// checkAuthorization checks what is told to the client when it is wrong.
func (d *Demo) checkAuthorization(cl *client, redirectURI string, q url.Values) (*request, error) {
	if err := once(q); err != nil {
		return nil, err
	}
	if q.Get("response_type") != "code" {
		return nil, refuse("unsupported_response_type", "only response_type=code is supported")
	}
	if mode := q.Get("response_mode"); mode != "" && mode != "query" {
		return nil, refuse("invalid_request", "only response_mode=query is supported")
	}
	if q.Get("code_challenge_method") != "S256" || !challengeForm.MatchString(q.Get("code_challenge")) {
		return nil, refuse("invalid_request", "PKCE with S256 is required")
	}
	resource, err := d.resourceOf(q)
	if err != nil {
		return nil, err
	}
	scopes, ok := parseScope(q.Get("scope"))
	if !ok {
		return nil, refuse("invalid_scope", "a scope is not known here")
	}
	if q.Get("prompt") == "none" {
		return nil, refuse("interaction_required", "somebody has to choose who signs in")
	}
	return &request{
		client: cl, redirectURI: redirectURI, state: q.Get("state"), challenge: q.Get("code_challenge"),
		resource: resource, scopes: scopes, nonce: q.Get("nonce"), hint: q.Get("login_hint"),
	}, nil
}

// decide takes what the person decided on the sign-in page.
func (d *Demo) decide(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		d.showProblem(w, http.StatusBadRequest, "The form could not be read", "Go back and try again.")
		return
	}
	decision := form.Get("decision")
	who, known := personByEmail(form.Get("person"))
	if decision != "allow" && decision != "deny" || decision == "allow" && !known {
		d.showProblem(w, http.StatusBadRequest, "Nothing was chosen", "Go back, choose who you are, and try again.")
		return
	}
	cookie := ""
	if c, err := r.Cookie(d.cookieName()); err == nil {
		cookie = c.Value
	}
	req, err := d.requests.take(form.Get("request"), form.Get("csrf"), cookie)
	switch {
	case errors.Is(err, errForged):
		d.showProblem(w, http.StatusForbidden, "This form did not come from your own page",
			"Nothing was allowed. Start the sign-in again from the program.")
		return
	case err != nil:
		d.showProblem(w, http.StatusBadRequest, "This sign-in is not open any more",
			"It was answered already, or it waited too long. Start it again from the program.")
		return
	}
	if decision == "deny" {
		d.cfg.Log.Info("a person refused", "client", req.client.id)
		d.sendBack(w, r, req.redirectURI, req.state, oauthFields(refuse("access_denied", "the person refused")))
		return
	}
	gr := &grant{
		client: req.client, person: who, resource: req.resource,
		scopes: req.scopes, nonce: req.nonce, signedIn: d.cfg.Now(),
	}
	value := d.grants.newCode(gr, req.redirectURI, req.challenge)
	d.cfg.Log.Info("a person signed in", "client", req.client.id, "subject", who.subject)
	d.sendBack(w, r, req.redirectURI, req.state, map[string]string{"code": value})
}

// sendBack sends the browser to the client with an authorization response. iss
// goes with every one, errors included (RFC 9207 §2).
func (d *Demo) sendBack(w http.ResponseWriter, r *http.Request, redirectURI, state string, fields map[string]string) {
	u, err := url.Parse(redirectURI)
	if err != nil { // it parsed when it was compared with the registered ones
		d.showProblem(w, http.StatusBadRequest, "The address to return to is not one", "Start the sign-in again from the program.")
		return
	}
	q := u.Query()
	for name, value := range fields {
		q.Set(name, value)
	}
	if state != "" {
		q.Set("state", state)
	}
	q.Set("iss", d.Issuer())
	u.RawQuery = q.Encode()
	w.Header().Set("Cache-Control", "no-store")
	// 303: the form must not be sent on to the client (RFC 9700 §4.12).
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// oauthFields are the fields of an error response (RFC 6749 §4.1.2.1).
func oauthFields(err error) map[string]string {
	var oe *oauthError
	if !errors.As(err, &oe) {
		return map[string]string{"error": "server_error"}
	}
	return map[string]string{"error": oe.code, "error_description": oe.description}
}

// cookieName has the port in it: cookies do not tell ports apart (RFC 6265
// §8.5), and two demos may be open in one browser.
func (d *Demo) cookieName() string {
	u := url.URL{Host: d.host}
	return "drawbridge_demo_" + u.Port()
}

// browserCookie is the value that marks the browser: the one it has, so that
// two sign-ins can be open side by side, else a new one.
func (d *Demo) browserCookie(r *http.Request) string {
	if c, err := r.Cookie(d.cookieName()); err == nil && len(c.Value) == len(random()) {
		return c.Value
	}
	return random()
}
