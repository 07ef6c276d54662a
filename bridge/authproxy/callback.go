package authproxy

import (
	"errors"
	"net/http"
	"net/url"
)

// grant is what a code of ours stands for: the identity provider's code, which is
// redeemed when the client comes, so that no token is ever kept.
type grant struct {
	Request  request `json:"q"`
	Verifier string  `json:"v"`
	Code     string  `json:"c"`
}

// Callback is where the identity provider sends the browser back to.
func (p *Proxy) Callback(w http.ResponseWriter, r *http.Request) {
	if !p.method(w, r, http.MethodGet) || !p.browser(w, r) {
		return
	}
	const stray = "This is not an answer that is awaited"
	const again = "It was used, took more than ten minutes, or was not begun in this browser. Start the sign-in again in the app."
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		p.sorry(w, r, http.StatusBadRequest, stray, again, err)
		return
	}
	state, err := once(q, "state", maxState)
	if err == nil {
		err = p.readState(state, append(p.ownForms(r), p.consents(r).Browser))
	}
	var begun underWay
	if err == nil {
		err = p.take(r.Context(), "state", state, &begun)
	}
	if errors.Is(err, errStore) {
		p.cfg.Log.Error("a sign-in cannot go on", "error", err)
		p.sorry(w, r, http.StatusServiceUnavailable, "Nobody can sign in at the moment", "Try again in a minute.", err)
		return
	}
	if err != nil {
		p.cfg.Limits.Failed(r.Context(), address(r))
		p.sorry(w, r, http.StatusBadRequest, stray, again, err)
		return
	}
	asked := begun.Request
	fail := func(code, reason string, cause error) {
		p.cfg.Log.Info("sign-in refused", "at", r.URL.Path, "code", code, "cause", cause, "client", asked.Name, "address", address(r))
		p.cfg.Heard(p.event(r, "denied", asked, reason))
		p.send(w, r, p.failure(asked, code, ""))
	}
	// Nothing of the answer is believed before its sender is.
	if err := p.cfg.Upstream.checkIssuer(r.Context(), q["iss"]); err != nil {
		fail("server_error", "wrong_issuer", err)
		return
	}
	if said, err := once(q, "error", 256); said != "" || err != nil {
		code := "server_error"
		switch said {
		case "access_denied", "temporarily_unavailable", "invalid_scope":
			code = said
		case "login_required", "consent_required", "interaction_required", "account_selection_required":
			code = "access_denied"
		}
		fail(code, code, errors.New("the identity provider says "+readable(said, 64)+": "+readable(q.Get("error_description"), 200)))
		return
	}
	code, err := once(q, "code", maxTheirs)
	if err != nil || code == "" {
		fail("server_error", "no_code", errors.Join(errors.New("the identity provider sent no usable code"), err))
		return
	}
	ours := random()
	if err := p.keep(r.Context(), "code", ours, grant{asked, begun.Verifier, code}, codeTime); err != nil {
		fail("temporarily_unavailable", "temporarily_unavailable", err)
		return
	}
	answer := url.Values{"code": {ours}, "iss": {p.cfg.Base}}
	if asked.State != "" {
		answer.Set("state", asked.State)
	}
	p.send(w, r, withAnswer(asked.Redirect, answer))
}
