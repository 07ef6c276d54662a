package authproxy

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/secret"
)

// request is what a client asks for, after it was looked at.
type request struct {
	Client    string   `json:"c"` // its hash
	Name      string   `json:"n"`
	Redirect  string   `json:"r"`
	State     string   `json:"s,omitempty"`
	Challenge string   `json:"h"`
	Resource  string   `json:"a,omitempty"`
	Server    string   `json:"v,omitempty"`
	Scopes    []string `json:"o,omitempty"` // for the identity provider
}

// Authorize is where a client sends the browser (RFC 6749 §4.1.1), and where the
// page that asks the person sends its answer.
func (p *Proxy) Authorize(w http.ResponseWriter, r *http.Request) {
	if !p.method(w, r, http.MethodGet, http.MethodPost) || !p.browser(w, r) {
		return
	}
	if r.Method == http.MethodPost {
		p.answered(w, r)
		return
	}
	asked, ok := p.read(w, r)
	if !ok {
		return
	}
	if browser, ok := p.consented(r, asked); ok {
		if address, ok := p.begin(w, r, asked, browser); ok {
			p.send(w, r, address)
		}
		return
	}
	p.ask(w, r, asked)
}

// read looks at a client's request. Until its redirect URI is known to be the
// client's, the person is told and nobody is sent anywhere (RFC 6749 §4.1.2.1).
func (p *Proxy) read(w http.ResponseWriter, r *http.Request) (asked request, ok bool) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		p.sorry(w, r, http.StatusBadRequest, "The app's request cannot be read", "", err)
		return asked, false
	}
	id, err := once(q, "client_id", maxClientID)
	c, cause := p.client(id)
	if err != nil || cause != nil {
		p.cfg.Limits.Failed(r.Context(), address(r))
		p.sorry(w, r, http.StatusBadRequest, "This app is not known here", "It has to register first; most apps do so by themselves when the server is removed there and added again.", errors.Join(err, cause))
		return asked, false
	}
	redirect, err := once(q, "redirect_uri", maxURI)
	if err == nil {
		err = p.cfg.Redirects.allows(redirect)
	}
	if err == nil && !slices.ContainsFunc(c.Redirects, func(known string) bool { return sameRedirect(known, redirect) }) {
		err = errors.New("it is not one that the client registered")
	}
	if err != nil {
		p.sorry(w, r, http.StatusBadRequest, "The app's request is refused", "It wants the answer sent to an address that is not allowed here.", err)
		return asked, false
	}
	state, err := once(q, "state", maxState)
	if err != nil {
		p.sorry(w, r, http.StatusBadRequest, "The app's request cannot be read", "", err)
		return asked, false
	}
	asked = request{Client: c.hash(), Name: c.called(), Redirect: redirect, State: state}
	if code, err := p.wishes(q, &asked); err != nil {
		p.cfg.Log.Info("sign-in refused", "at", r.URL.Path, "code", code, "why", err, "client", asked.Name, "address", address(r))
		p.send(w, r, p.failure(asked, code, err.Error()))
		return asked, false
	}
	return asked, true
}

// wishes reads the rest of a request. Its error's text is for the client.
func (p *Proxy) wishes(q url.Values, asked *request) (code string, err error) {
	const invalid = "invalid_request"
	if kind, err := once(q, "response_type", 64); err != nil || kind != "code" {
		return "unsupported_response_type", errors.New("only response_type=code is known here")
	}
	if mode, err := once(q, "response_mode", 64); err != nil || mode != "" && mode != "query" {
		return invalid, errors.New("only response_mode=query is known here")
	}
	method, err := once(q, "code_challenge_method", 64)
	if err != nil || method != "S256" {
		return invalid, errors.New("PKCE with code_challenge_method=S256 is required")
	}
	if asked.Challenge, err = once(q, "code_challenge", maxChallenge); err != nil || len(asked.Challenge) != 43 || !unreserved(asked.Challenge) {
		return invalid, errors.New("code_challenge is not that of S256")
	}
	if asked.Resource, err = once(q, "resource", maxURI); err != nil {
		return "invalid_target", err
	}
	if asked.Resource != "" { // clients before MCP 2025-06-18 send none
		var ok bool
		if asked.Server, ok = p.resource(asked.Resource); !ok {
			return "invalid_target", errors.New("the resource is no server of this bridge")
		}
	}
	scope, err := once(q, "scope", maxScopes)
	if err != nil {
		return "invalid_scope", err
	}
	scopes := strings.Fields(scope)
	for _, s := range scopes {
		if !slices.Contains(p.cfg.Offered, s) {
			return "invalid_scope", errors.New("a scope is not offered here")
		}
	}
	if len(scopes) == 0 {
		scopes = p.cfg.Asked
	}
	asked.Scopes = p.cfg.Upstream.scopes(scopes)
	return "", nil
}

// unreserved reports whether s has only the characters of RFC 7636 §4.1.
func unreserved(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !('A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~", r))
	})
}

// underWay is what is kept while a person is at the identity provider.
type underWay struct {
	Request  request `json:"q"`
	Verifier string  `json:"v"` // of the bridge's own PKCE
}

// begin keeps a request and returns where the browser goes; browser is what it is
// known by when it comes back. When it fails it has answered.
func (p *Proxy) begin(w http.ResponseWriter, r *http.Request, asked request, browser string) (address string, ok bool) {
	payload := make([]byte, 24)
	_, _ = rand.Read(payload[:16]) // never fails
	binary.BigEndian.PutUint64(payload[16:], uint64(p.cfg.Now().Add(stateTime).Unix()))
	state, verifier := sign(p.keys.state, payload, browser), random()
	address, err := p.cfg.Upstream.begin(r.Context(), p.cfg.Base+CallbackPath, secret.New(state), secret.New(verifier), asked.Scopes)
	if err == nil {
		err = p.keep(r.Context(), "state", state, underWay{asked, verifier}, stateTime)
	}
	if err != nil {
		p.cfg.Log.Error("a sign-in cannot begin", "error", err)
		p.sorry(w, r, http.StatusServiceUnavailable, "Nobody can sign in at the moment", "Try again in a minute.", err)
		return "", false
	}
	return address, true
}

// readState checks that a state was made here, for the browser that is known by one
// of the names, and is not over.
func (p *Proxy) readState(state string, names []string) error {
	var payload []byte
	err := errSeal
	for _, browser := range names {
		if payload, err = verify(p.keys.state, state, browser); err == nil {
			break
		}
	}
	switch {
	case err != nil:
		return err
	case len(payload) != 24:
		return errSeal
	case !p.cfg.Now().Before(time.Unix(int64(binary.BigEndian.Uint64(payload[16:])), 0)): //nolint:gosec // it is ours
		return errors.New("it is over")
	}
	return nil
}

// keep puts something into the store under a text that its owner has to show.
func (p *Proxy) keep(ctx context.Context, kind, text string, v any, life time.Duration) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("keep: %w", err)
	}
	name, aead := p.keys.kept(kind, text)
	return p.cfg.Store.Put(ctx, name, aead.Seal(nil, nil, raw, []byte(name)), life)
}

// take gets it back, once.
func (p *Proxy) take(ctx context.Context, kind, text string, v any) error {
	name, aead := p.keys.kept(kind, text)
	sealed, ok, err := p.cfg.Store.Take(ctx, name)
	if err != nil {
		return fmt.Errorf("take: %w", errors.Join(errStore, err))
	}
	if !ok {
		return errors.New("it was never made, was used, or is over")
	}
	raw, err := aead.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return errSeal
	}
	return json.Unmarshal(raw, v)
}

// errStore means that the store does not answer: nobody is to blame.
var errStore = errors.New("the store does not answer")

// failure is where the browser goes with an error (RFC 6749 §4.1.2.1, RFC 9207).
func (p *Proxy) failure(asked request, code, words string) string {
	answer := url.Values{"error": {code}, "iss": {p.cfg.Base}}
	if words != "" {
		answer.Set("error_description", words)
	}
	if asked.State != "" {
		answer.Set("state", asked.State)
	}
	return withAnswer(asked.Redirect, answer)
}

// event is the part of a record that a request knows.
func (p *Proxy) event(r *http.Request, kind string, asked request, reason string) Event {
	return Event{At: p.cfg.Now(), Kind: kind, Client: asked.Name, Server: asked.Server, Address: address(r), Reason: reason}
}
