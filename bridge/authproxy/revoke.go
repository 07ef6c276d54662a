package authproxy

import (
	"context"
	"errors"
	"mime"
	"net/http"

	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

// RevokePath is where clients end a sign-in.
const RevokePath = "/oauth/revoke"

// Revoke ends a sign-in (RFC 7009 §2): the provider is told to forget the refresh
// token. Of an access token nobody here knows whose it is; it ends by itself.
func (p *Proxy) Revoke(w http.ResponseWriter, r *http.Request) {
	if !p.method(w, r, http.MethodPost) {
		return
	}
	c, ok := p.formOf(w, r)
	if !ok {
		return
	}
	token, err := once(r.PostForm, "token", maxForm)
	if err != nil || token == "" {
		p.refuse(w, r, http.StatusBadRequest, "invalid_request", "token is missing or there twice", err)
		return
	}
	var had renewal
	err = unseal(p.keys.refresh, token, &had)
	if err == nil && had.Client != c.hash() {
		p.cfg.Limits.Failed(r.Context(), address(r))
		p.refuse(w, r, http.StatusBadRequest, "invalid_grant", "the token is another client's", nil)
		return
	}
	if err == nil {
		if err := p.cfg.Upstream.revoke(r.Context(), secret.New(had.Token)); err != nil {
			p.unavailable(w, r, err)
			return
		}
		p.cfg.Heard(p.event(r, "revoked", request{Name: had.Name, Server: had.Server}, "by the client"))
	}
	p.json(w, http.StatusOK, map[string]any{}) // also for what is no token of ours (RFC 7009 §2.2)
}

// formOf reads a request of a client whose body is a form. When it fails it has
// answered.
func (p *Proxy) formOf(w http.ResponseWriter, r *http.Request) (*client, bool) {
	if p.wait(w, r) {
		p.refuse(w, r, http.StatusTooManyRequests, "temporarily_unavailable", "too many requests from this address", nil)
		return nil, false
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		p.refuse(w, r, http.StatusUnsupportedMediaType, "invalid_request", "the request is no form", nil)
		return nil, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var large *http.MaxBytesError
	if err := r.ParseForm(); errors.As(err, &large) {
		p.refuse(w, r, http.StatusRequestEntityTooLarge, "invalid_request", "the request is too large", nil)
		return nil, false
	} else if err != nil {
		p.refuse(w, r, http.StatusBadRequest, "invalid_request", "the request cannot be read", err)
		return nil, false
	}
	id, err := once(r.PostForm, "client_id", maxClientID)
	c, unknown := p.client(id)
	if err != nil || unknown != nil {
		p.cfg.Limits.Failed(r.Context(), address(r))
		p.refuse(w, r, http.StatusUnauthorized, "invalid_client", "the client is not registered here", errors.Join(err, unknown))
		return nil, false
	}
	return c, true
}

// revoke tells the provider to forget a token, if it takes such.
func (u *Upstream) revoke(ctx context.Context, token secret.String) error {
	m, err := u.metadata(ctx)
	if err != nil || m.RevocationEndpoint == "" {
		return err
	}
	return u.cfg.Client.Revoke(ctx, oauth.RevokeRequest{Endpoint: m.RevocationEndpoint, Client: u.credentials(m), Token: token, Hint: "refresh_token"})
}
