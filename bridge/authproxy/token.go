package authproxy

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

// renewal is what a client has as its refresh token: the identity provider's,
// sealed, so that it is good for this client and at this bridge only.
type renewal struct {
	Token    string   `json:"t"`
	Client   string   `json:"c"`
	Name     string   `json:"n"`
	Resource string   `json:"a,omitempty"`
	Server   string   `json:"v,omitempty"`
	Scopes   []string `json:"o,omitempty"`
}

// Token redeems codes and refresh tokens (RFC 6749 §4.1.3, §6).
func (p *Proxy) Token(w http.ResponseWriter, r *http.Request) {
	if !p.method(w, r, http.MethodPost) {
		return
	}
	c, ok := p.formOf(w, r)
	if !ok {
		return
	}
	switch kind, err := once(r.PostForm, "grant_type", 64); {
	case err != nil:
		p.refuse(w, r, http.StatusBadRequest, "invalid_request", "grant_type is not there once", err)
	case kind == "authorization_code":
		p.redeem(w, r, c)
	case kind == "refresh_token":
		p.refresh(w, r, c)
	default:
		p.refuse(w, r, http.StatusBadRequest, "unsupported_grant_type", "only authorization_code and refresh_token are known here", nil)
	}
}

// redeem gives tokens for a code. The code is used up by the first who shows it,
// whatever else is wrong.
func (p *Proxy) redeem(w http.ResponseWriter, r *http.Request, c *client) {
	invalid := func(cause error) {
		p.cfg.Limits.Failed(r.Context(), address(r))
		p.refuse(w, r, http.StatusBadRequest, "invalid_grant", "the code is not good", cause)
	}
	code, errCode := once(r.PostForm, "code", maxCode)
	verifier, errVerifier := once(r.PostForm, "code_verifier", 128)
	redirect, errRedirect := once(r.PostForm, "redirect_uri", maxURI)
	resource, errResource := once(r.PostForm, "resource", maxURI)
	if err := errors.Join(errCode, errVerifier, errRedirect, errResource); err != nil || code == "" || len(verifier) < 43 || !unreserved(verifier) {
		p.refuse(w, r, http.StatusBadRequest, "invalid_request", "code, code_verifier, redirect_uri or resource is missing, there twice, or not of its form", err)
		return
	}
	var g grant
	err := p.take(r.Context(), "code", code, &g)
	switch {
	case errors.Is(err, errStore):
		p.unavailable(w, r, err)
		return
	case err != nil:
		invalid(err)
		return
	case g.Request.Client != c.hash():
		invalid(errors.New("it is another client's"))
		return
	case g.Request.Redirect != redirect:
		invalid(errors.New("redirect_uri is not that of the authorization request"))
		return
	case subtle.ConstantTimeCompare([]byte(digest(verifier)), []byte(g.Request.Challenge)) != 1:
		invalid(errors.New("the code verifier does not fit"))
		return
	}
	if !p.sameResource(g.Request.Resource, resource) {
		p.refuse(w, r, http.StatusBadRequest, "invalid_target", "the resource is not that of the authorization request", nil)
		return
	}
	tokens, err := p.cfg.Upstream.redeem(r.Context(), p.cfg.Base+CallbackPath, secret.New(g.Code), secret.New(g.Verifier))
	if err != nil {
		p.theirs(w, r, err)
		return
	}
	granted := g.Request.Scopes
	if tokens.Scope != "" { // a renewal that repeats one that was not granted is refused
		granted = strings.Fields(tokens.Scope)
	}
	p.give(w, r, "signed_in", renewal{Client: g.Request.Client, Name: c.called(), Resource: g.Request.Resource, Server: g.Request.Server, Scopes: granted}, tokens)
}

// sameResource compares the resource of a token request with the one before. A
// client that named none may name one now.
func (p *Proxy) sameResource(before, now string) bool {
	if now == "" || before == now {
		return true
	}
	_, ours := p.resource(now)
	return before == "" && ours
}

// refresh renews.
func (p *Proxy) refresh(w http.ResponseWriter, r *http.Request, c *client) {
	token, errToken := once(r.PostForm, "refresh_token", maxForm)
	resource, errResource := once(r.PostForm, "resource", maxURI)
	scope, errScope := once(r.PostForm, "scope", maxScopes)
	if err := errors.Join(errToken, errResource, errScope); err != nil || token == "" {
		p.refuse(w, r, http.StatusBadRequest, "invalid_request", "refresh_token, resource or scope is missing, there twice, or too long", err)
		return
	}
	var had renewal
	err := unseal(p.keys.refresh, token, &had)
	if err == nil && had.Client != c.hash() {
		err = errors.New("it is another client's")
	}
	if err != nil {
		p.cfg.Limits.Failed(r.Context(), address(r))
		p.refuse(w, r, http.StatusBadRequest, "invalid_grant", "the refresh token is not good", err)
		return
	}
	if !p.sameResource(had.Resource, resource) {
		p.refuse(w, r, http.StatusBadRequest, "invalid_target", "the resource is not that of the sign-in", nil)
		return
	}
	var scopes []string
	if p.cfg.Upstream.preset.RefreshScope {
		scopes = had.Scopes
	}
	asked := slices.DeleteFunc(strings.Fields(scope), func(s string) bool { // which many a client repeats, and not every provider names
		return s == offline && !slices.Contains(had.Scopes, s)
	})
	if len(asked) > 0 {
		if slices.ContainsFunc(asked, func(s string) bool { return !slices.Contains(had.Scopes, s) }) {
			p.refuse(w, r, http.StatusBadRequest, "invalid_scope", "a scope is not among those of the sign-in", nil)
			return
		}
		scopes = asked
	}
	tokens, err := p.cfg.Upstream.refresh(r.Context(), secret.New(had.Token), scopes)
	if err != nil {
		p.theirs(w, r, err)
		return
	}
	p.give(w, r, "refreshed", had, tokens)
}

// give hands tokens to a client, if the guard would let them in: a token of the
// identity provider for something else does not leave the bridge.
func (p *Proxy) give(w http.ResponseWriter, r *http.Request, kind string, had renewal, t oauth.Tokens) {
	asked := request{Name: had.Name, Server: had.Server}
	who, err := p.accept(r.Context(), t.Access)
	if errors.Is(err, ErrAway) {
		p.unavailable(w, r, err)
		return
	}
	e := p.event(r, kind, asked, "")
	e.Who = who
	if err != nil {
		e.Kind, e.Reason = "denied", "not_accepted"
		if errors.Is(err, ErrRevoked) {
			e.Reason = "revoked"
			p.refuse(w, r, http.StatusBadRequest, "invalid_grant", "the sign-in is not good any more", err)
		} else {
			p.cfg.Log.Error("the identity provider's token would not be let in here; check --audience, --sign-in-resource and --sign-in-scope", "error", err)
			p.refuse(w, r, http.StatusInternalServerError, "server_error", "the bridge cannot use the identity provider's token", err)
		}
		p.cfg.Heard(e)
		return
	}
	answer := map[string]any{"access_token": t.Access.Reveal(), "token_type": "Bearer"}
	life := t.ExpiresIn
	if life == 0 && !who.Expires.IsZero() {
		life = who.Expires.Sub(p.cfg.Now())
	}
	if life > 0 {
		answer["expires_in"] = int64(life.Seconds())
	}
	scope := t.Scope
	if scope == "" {
		scope = strings.Join(had.Scopes, " ")
	}
	if scope != "" {
		answer["scope"] = scope
	}
	if !t.Refresh.IsZero() {
		had.Token = t.Refresh.Reveal()
		sealed, err := seal(p.keys.refresh, had)
		if err != nil {
			p.unavailable(w, r, err)
			return
		}
		answer["refresh_token"] = sealed
	}
	p.cfg.Log.Info("tokens given", "kind", kind, "client", had.Name, "caller", who.Subject, "email", who.Email, "address", address(r))
	p.cfg.Heard(e)
	p.json(w, http.StatusOK, answer)
}

// accept asks the guard, more than once when it cannot tell: a provider that
// rotates has given its refresh token only this once.
func (p *Proxy) accept(ctx context.Context, token secret.String) (who Who, err error) {
	for pause := 100 * time.Millisecond; ; pause *= 3 {
		if who, err = p.cfg.Accept(ctx, token); !errors.Is(err, ErrAway) || pause > time.Second {
			return who, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return who, err
		}
	}
}

// theirs answers for an error of the identity provider.
func (p *Proxy) theirs(w http.ResponseWriter, r *http.Request, err error) {
	var said *oauth.TokenError
	if errors.As(err, &said) && !said.Temporary() {
		if said.Code == "invalid_grant" {
			p.refuse(w, r, http.StatusBadRequest, "invalid_grant", "the sign-in is not good any more", err)
			return
		}
		p.cfg.Log.Error("the identity provider refuses the bridge; check --sign-in-client-id, its secret, and its redirect address there", "error", err)
		p.refuse(w, r, http.StatusInternalServerError, "server_error", "the identity provider refuses the bridge", err)
		return
	}
	p.unavailable(w, r, err)
}

func (p *Proxy) unavailable(w http.ResponseWriter, r *http.Request, cause error) {
	w.Header().Set("Retry-After", "5")
	p.refuse(w, r, http.StatusServiceUnavailable, "temporarily_unavailable", "nobody can sign in at the moment", cause)
}
