package demo_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/demo"
)

func TestACodeIsBound(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	stranger := newProgram(t, d, nil)
	tests := map[string]struct {
		change func(url.Values)
		want   string
	}{
		"wrong verifier":        {set("code_verifier", strings.Repeat("x", 43)), "invalid_grant"},
		"short verifier":        {set("code_verifier", "short"), "invalid_grant"},
		"no verifier":           {set("code_verifier", ""), "invalid_request"},
		"another redirect URI":  {set("redirect_uri", "http://127.0.0.1:1/callback"), "invalid_grant"},
		"no redirect URI":       {set("redirect_uri", ""), "invalid_request"},
		"another client":        {set("client_id", stranger.id), "invalid_grant"},
		"another resource":      {set("resource", "https://example.com"), "invalid_target"},
		"no resource":           {set("resource", ""), "invalid_target"},
		"no grant type":         {set("grant_type", ""), "invalid_request"},
		"an unknown grant type": {set("grant_type", "password"), "unsupported_grant_type"},
		"another code":          {set("code", "nothing"), "invalid_grant"},
		"a parameter twice":     {func(q url.Values) { q.Add("code", "x") }, "invalid_request"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			form := p.exchangeForm(p.signIn(ada, nil))
			tt.change(form)
			status, got := p.tokens(form)
			if status != http.StatusBadRequest || got.Error != tt.want || got.Access != "" {
				t.Errorf("status %d, error %q; want 400, %s", status, got.Error, tt.want)
			}
		})
	}
}

func TestAWrongGuessSpendsTheCode(t *testing.T) {
	p := newProgram(t, start(t, demo.Config{}), nil)
	form := p.exchangeForm(p.signIn(ada, nil))
	wrong := p.exchangeForm(form.Get("code"))
	wrong.Set("code_verifier", strings.Repeat("x", 43))
	p.tokens(wrong)
	if status, got := p.tokens(form); status != http.StatusBadRequest || got.Error != "invalid_grant" {
		t.Errorf("status %d, error %q after a wrong guess; want invalid_grant", status, got.Error)
	}
}

func TestACodeExpires(t *testing.T) {
	c := newClock()
	p := newProgram(t, start(t, demo.Config{Now: c.Now}), nil)
	code := p.signIn(ada, nil)
	c.turn(time.Minute)
	if status, got := p.tokens(p.exchangeForm(code)); status != http.StatusBadRequest || got.Error != "invalid_grant" {
		t.Errorf("status %d, error %q; want invalid_grant", status, got.Error)
	}
}

func TestACodeUsedTwiceRevokesWhatItGave(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	code := p.signIn(ada, nil)
	_, first := p.tokens(p.exchangeForm(code))
	p.mustAccess(first.Access, http.StatusOK)
	if status, got := p.tokens(p.exchangeForm(code)); status != http.StatusBadRequest || got.Error != "invalid_grant" {
		t.Errorf("second use: status %d, error %q", status, got.Error)
	}
	p.mustAccess(first.Access, http.StatusUnauthorized)
	if _, got := p.tokens(p.refreshForm(first.Refresh)); got.Error != "invalid_grant" {
		t.Errorf("refresh after reuse of the code: error %q, want invalid_grant", got.Error)
	}
	if n := d.Counts().Reuses; n != 1 {
		t.Errorf("%d reuses counted, want 1", n)
	}
}

func TestAnAccessTokenSaysWhatRFC9068Wants(t *testing.T) {
	d := start(t, demo.Config{TokenLifetime: 7 * time.Minute})
	p := newProgram(t, d, nil)
	got := p.mustTokens(grace, func(q url.Values) { q.Set("scope", "mcp openid email"); q.Set("nonce", "n1") })
	if got.Type != "Bearer" || got.ExpiresIn != 420 || got.Scope != "mcp openid email" {
		t.Errorf("type %q, expires_in %d, scope %q", got.Type, got.ExpiresIn, got.Scope)
	}
	access, claims := p.parse(got.Access)
	if access.Header["typ"] != "at+jwt" || access.Header["alg"] != "ES256" {
		t.Errorf("header %v", access.Header)
	}
	for name, want := range map[string]any{
		"iss": d.Issuer(), "sub": "person-grace", "client_id": p.id, "scope": "mcp openid email",
		"email": grace, "name": "Grace Hopper",
	} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %v", name, claims[name], want)
		}
	}
	if aud, err := claims.GetAudience(); err != nil || len(aud) != 1 || aud[0] != d.URL() {
		t.Errorf("aud = %v, want %s", aud, d.URL())
	}
	if claims["jti"] == nil || claims["iat"] == nil {
		t.Errorf("jti %v, iat %v", claims["jti"], claims["iat"])
	}
	exp, _ := claims.GetExpirationTime()
	if left := time.Until(exp.Time); left < 6*time.Minute || left > 7*time.Minute+time.Second {
		t.Errorf("it expires in %v, want 7 min", left)
	}
	_, id := p.parse(got.ID)
	if aud, _ := id.GetAudience(); len(aud) != 1 || aud[0] != p.id || id["nonce"] != "n1" || id["email"] != grace {
		t.Errorf("ID token %v", id)
	}
	if _, again := p.tokens(p.refreshForm(got.Refresh)); again.Access == "" || again.ID != "" {
		t.Errorf("a refresh gives error %q, ID token %v; want an access token alone", again.Error, again.ID != "")
	}
}

// parse checks a token with the key that jwks_uri serves.
func (p *program) parse(raw string) (*jwt.Token, jwt.MapClaims) {
	p.t.Helper()
	_, body := p.do(p.request(http.MethodGet, p.demo.Issuer()+"/jwks", nil))
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) != 1 {
		p.t.Fatalf("jwks %q: %v", body, err)
	}
	claims := jwt.MapClaims{}
	token, err := jwt.ParseWithClaims(raw, claims, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != set.Keys[0]["kid"] {
			p.t.Errorf("kid %v is not in the key set", t.Header["kid"])
		}
		return publicKey(p.t, set.Keys[0]), nil
	}, jwt.WithValidMethods([]string{"ES256"}))
	if err != nil {
		p.t.Fatalf("parse: %v", err)
	}
	return token, claims
}

func TestNoIDTokenUnlessAsked(t *testing.T) {
	p := newProgram(t, start(t, demo.Config{}), nil)
	if got := p.mustTokens(ada, nil); got.ID != "" {
		t.Error("there is an ID token without the scope openid")
	}
}

func TestNoRefreshTokenUnlessRegistered(t *testing.T) {
	p := newProgram(t, start(t, demo.Config{}), func(m map[string]any) { delete(m, "grant_types") })
	if got := p.mustTokens(ada, nil); got.Refresh != "" {
		t.Error("there is a refresh token for a client that did not register for the grant type")
	}
}

func TestRefreshRotates(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	first := p.mustTokens(ada, nil)
	status, second := p.tokens(p.refreshForm(first.Refresh))
	if status != http.StatusOK || second.Refresh == "" || second.Refresh == first.Refresh || second.Access == first.Access {
		t.Fatalf("status %d, error %q; want new tokens", status, second.Error)
	}
	p.mustAccess(second.Access, http.StatusOK)
	if status, third := p.tokens(p.refreshForm(second.Refresh)); status != http.StatusOK {
		t.Errorf("the next refresh: status %d, error %q", status, third.Error)
	}
	if c := d.Counts(); c.Refreshes != 2 || c.Reuses != 0 || c.TokenRequests != 3 {
		t.Errorf("counts %+v; want 2 refreshes, 0 reuses, 3 token requests", c)
	}
}

func TestReuseOfARefreshTokenKillsTheFamily(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	bystander := p.mustTokens(ada, nil)
	first := p.mustTokens(ada, nil)
	_, second := p.tokens(p.refreshForm(first.Refresh))
	if status, got := p.tokens(p.refreshForm(first.Refresh)); status != http.StatusBadRequest || got.Error != "invalid_grant" {
		t.Errorf("reuse: status %d, error %q", status, got.Error)
	}
	if _, got := p.tokens(p.refreshForm(second.Refresh)); got.Error != "invalid_grant" {
		t.Errorf("the newest refresh token still works: error %q", got.Error)
	}
	p.mustAccess(second.Access, http.StatusUnauthorized)
	p.mustAccess(bystander.Access, http.StatusOK)
	if n := d.Counts().Reuses; n != 1 {
		t.Errorf("%d reuses counted, want 1", n)
	}
}

func TestABadRefreshDoesNotCostTheToken(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	stranger := newProgram(t, d, nil)
	token := p.mustTokens(ada, nil).Refresh
	tests := map[string]struct {
		change func(url.Values)
		want   string
	}{
		"no resource":      {set("resource", ""), "invalid_target"},
		"another resource": {set("resource", "https://example.com"), "invalid_target"},
		"a wider scope":    {set("scope", "mcp email"), "invalid_scope"},
		"an unknown scope": {set("scope", "admin"), "invalid_scope"},
		"another client":   {set("client_id", stranger.id), "invalid_grant"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			form := p.refreshForm(token)
			tt.change(form)
			if status, got := p.tokens(form); status != http.StatusBadRequest || got.Error != tt.want {
				t.Errorf("status %d, error %q; want 400, %s", status, got.Error, tt.want)
			}
		})
	}
	form := p.refreshForm(token)
	form.Set("scope", "mcp")
	status, narrow := p.tokens(form)
	if status != http.StatusOK || narrow.Scope != "mcp" {
		t.Fatalf("narrower scope: status %d, error %q, scope %q", status, narrow.Error, narrow.Scope)
	}
	// The new refresh token keeps what was granted (RFC 6749 §6).
	if _, whole := p.tokens(p.refreshForm(narrow.Refresh)); whole.Scope != "mcp offline_access" {
		t.Errorf("scope after a narrower refresh = %q", whole.Scope)
	}
}

func TestARefreshTokenExpires(t *testing.T) {
	c := newClock()
	p := newProgram(t, start(t, demo.Config{Now: c.Now, RefreshLifetime: 30 * time.Second}), nil)
	token := p.mustTokens(ada, nil).Refresh
	c.turn(30 * time.Second)
	if _, got := p.tokens(p.refreshForm(token)); got.Error != "invalid_grant" {
		t.Errorf("error %q, want invalid_grant", got.Error)
	}
}

func TestOfManyRefreshesAtOnceOneWins(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	token := p.mustTokens(ada, nil).Refresh
	const n = 16
	statuses := make([]int, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { statuses[i], _ = p.tokens(p.refreshForm(token)) })
	}
	wg.Wait()
	won := 0
	for _, s := range statuses {
		if s == http.StatusOK {
			won++
		}
	}
	if c := d.Counts(); won != 1 || c.Refreshes != 1 || c.Reuses != n-1 {
		t.Errorf("%d of %d won, counts %+v; want 1, 1 refresh and %d reuses", won, n, c, n-1)
	}
}

func TestManyPeopleAtOnce(t *testing.T) {
	d := start(t, demo.Config{})
	var wg sync.WaitGroup
	const n = 8
	for range n {
		p := newProgram(t, d, nil)
		wg.Go(func() {
			token := p.mustTokens(ada, nil)
			for range 3 {
				_, token = p.tokens(p.refreshForm(token.Refresh))
				p.mustAccess(token.Access, http.StatusOK)
			}
		})
	}
	wg.Wait()
	if c := d.Counts(); c.Authorizations != n || c.Registrations != n || c.Refreshes != 3*n || c.Reuses != 0 {
		t.Errorf("counts %+v", c)
	}
}

func TestRevocation(t *testing.T) {
	d := start(t, demo.Config{})
	p := newProgram(t, d, nil)
	stranger := newProgram(t, d, nil)
	revoke := func(by *program, token string) int {
		r := withForm(by.request(http.MethodPost, d.Issuer()+"/revoke", nil), url.Values{"client_id": {by.id}, "token": {token}})
		resp, _ := by.do(r)
		return resp.StatusCode
	}

	kept := p.mustTokens(ada, nil)
	for _, token := range []string{kept.Refresh, kept.Access} {
		if status := revoke(stranger, token); status != http.StatusOK {
			t.Errorf("a stranger's revocation: status %d, want 200", status)
		}
	}
	if status := revoke(p, "nothing"); status != http.StatusOK {
		t.Errorf("an unknown token: status %d, want 200", status)
	}
	p.mustAccess(kept.Access, http.StatusOK)
	if n := d.Counts().Revocations; n != 0 {
		t.Errorf("%d revocations counted before there was one", n)
	}

	// An access token alone.
	revoke(p, kept.Access)
	p.mustAccess(kept.Access, http.StatusUnauthorized)
	_, next := p.tokens(p.refreshForm(kept.Refresh))
	p.mustAccess(next.Access, http.StatusOK)

	// A refresh token and with it the family.
	revoke(p, next.Refresh)
	p.mustAccess(next.Access, http.StatusUnauthorized)
	if _, got := p.tokens(p.refreshForm(next.Refresh)); got.Error != "invalid_grant" {
		t.Errorf("refresh after revocation: error %q", got.Error)
	}
	if n := d.Counts().Revocations; n != 2 {
		t.Errorf("%d revocations counted, want 2", n)
	}
}
