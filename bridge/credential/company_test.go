package credential_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// identityProvider is a company's: people sign in there, and it exchanges their ID
// tokens. Its refresh tokens are good once.
type identityProvider struct {
	*script
	mu       sync.Mutex
	life     time.Duration // of an ID token
	refresh  int           // the refresh token that is good; -1: none is
	who, iss string
}

func newIdentityProvider(t *testing.T) *identityProvider {
	p := &identityProvider{script: newScript(t), life: time.Hour, who: "ada"}
	p.iss = p.base
	p.on(atIssuer, sends(200, p.metadata(object{"scopes_supported": []string{"openid", "offline_access"}, "revocation_endpoint": p.base + "/revoke"})))
	p.on(atToken, p.token)
	return p
}

func (p *identityProvider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.Form.Get("grant_type") {
	case "urn:ietf:params:oauth:grant-type:token-exchange":
		sends(200, object{"access_token": "e30.e30.amFn", "issued_token_type": "urn:ietf:params:oauth:token-type:id-jag", "token_type": "N_A"})(w, r)
		return
	case "refresh_token":
		if r.Form.Get("refresh_token") != fmt.Sprintf("c%d", p.refresh) {
			p.refresh = -1
			sends(400, object{"error": "invalid_grant"})(w, r)
			return
		}
	}
	p.refresh++
	claims, _ := json.Marshal(object{"iss": p.iss, "aud": "us", "sub": p.who, "email": p.who + "@corp.example", "exp": time.Now().Add(p.life).Unix()})
	part := base64.RawURLEncoding.EncodeToString
	id := part([]byte(`{"alg":"RS256"}`)) + "." + part(claims) + "." + part([]byte(fmt.Sprintf("signature%d", p.refresh)))
	sends(200, object{"access_token": "corporate", "id_token": id, "refresh_token": fmt.Sprintf("c%d", p.refresh), "token_type": "Bearer"})(w, r)
}

// do changes what it is like.
func (p *identityProvider) do(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *identityProvider) grants() (all []string) {
	for _, r := range p.requests(atToken) {
		all = append(all, r.form.Get("grant_type"))
	}
	return all
}

// employee is an account whose person signs in at the company's.
func employee(t *testing.T, s *script, idp *identityProvider) *credential.Account {
	t.Helper()
	return machine(t, s, func(server *config.Server) {
		server.OAuth.Grant = config.IDJAG
		server.OAuth.IdentityProvider = config.IdentityProvider{Issuer: idp.base, ClientID: "us"}
	})
}

// TestSignInAtTheCompanys: the browser opens at the company's identity provider
// and nowhere else; the ID token is exchanged as often as a token is wanted, and
// renewed without the person until the company says no.
func TestSignInAtTheCompanys(t *testing.T) {
	s, idp := newScript(t), newIdentityProvider(t)
	a, p := employee(t, s, idp), &passer{t: t}
	if err := a.Reject(t.Context(), credential.Rejection{Status: 401}); !fault.Is(err, fault.SignInNeeded) || !strings.Contains(fault.Public(err).What, "company") {
		t.Fatalf("before anybody signed in: %v", err)
	}
	if err := p.signIn(a); err != nil {
		t.Fatal(err)
	}
	if len(p.opened) != 1 || !strings.HasPrefix(p.opened[0], idp.base+"/authorize?") || !strings.Contains(p.last, "Signed in to notes") || !strings.Contains(p.last, "ada@corp.example") {
		t.Errorf("the browser was at %q, and ended on %s", p.opened, p.last)
	}
	if q, _ := url.Parse(p.opened[0]); q.Query().Get("scope") != "openid offline_access" || q.Query().Get("client_id") != "us" || q.Query().Has("resource") {
		t.Errorf("it was asked for %v", q.Query())
	}
	if n := len(s.requests(atBrowser)) + len(s.requests(atRegister)); n != 0 {
		t.Errorf("%d requests for a person at the server's own", n)
	}
	token := bearer(t, a)
	renew := func(name string) error {
		s.on(atToken, sends(200, s.tokens(object{"access_token": name, "refresh_token": nil})))
		err := a.Reject(t.Context(), credential.Rejection{Token: token, Status: 401})
		if err == nil {
			token = bearer(t, a)
		}
		return err
	}
	before := len(idp.requests(atToken))
	if err := renew("a2"); err != nil || token.Reveal() != "a2" || len(idp.requests(atToken)) != before+1 {
		t.Errorf("with an ID token that is good: %v, %q", err, idp.grants())
	}
	// The ID token comes to its end: it is renewed.
	idp.do(func() { idp.life = 20 * time.Second })
	if err := (&passer{t: t}).signIn(a); err != nil {
		t.Fatal(err)
	}
	idp.do(func() { idp.life = time.Hour })
	token = bearer(t, a)
	if err := renew("a3"); err != nil || token.Reveal() != "a3" {
		t.Errorf("with one that has ended: %v", err)
	}
	if got := idp.grants(); got[len(got)-2] != "refresh_token" {
		t.Errorf("the company's was asked for %q", got)
	}
	other := s.again(a)
	if got := bearer(t, other); got.Reveal() != "a3" {
		t.Errorf("another process has %q", got.Reveal())
	}
	// No secret of the company's gets to the server's own.
	for _, r := range s.requests("") {
		if all := r.body + r.header.Get("Authorization"); strings.Contains(all, "corporate") || strings.Contains(all, "signature") || strings.Contains(all, "refresh_token=c") {
			t.Errorf("%s got %s", r.what, all)
		}
	}
}

// TestTheCompanySaysNo: a sign-in there that has ended asks the person, and a
// provider that is away does not; who signs in as somebody else is refused.
func TestTheCompanySaysNo(t *testing.T) {
	s, idp := newScript(t), newIdentityProvider(t)
	idp.do(func() { idp.life = 20 * time.Second }) // within the margin: renewed each time
	a, p := employee(t, s, idp), &passer{t: t}
	if err := p.signIn(a); err != nil {
		t.Fatal(err)
	}
	token := bearer(t, a)
	s.on(atToken, sends(200, s.tokens(object{"access_token": "a2"})))
	idp.on(atToken, sends(http.StatusServiceUnavailable, object{}))
	if err := a.Reject(t.Context(), credential.Rejection{Token: token, Status: 401}); !fault.Is(err, fault.Unreachable) {
		t.Errorf("away: %v", err)
	}
	if f, err := a.Facts(); err != nil || f.State != credential.SignedIn {
		t.Errorf("away: %+v, %v", f, err)
	}
	idp.on(atToken, idp.token)
	idp.do(func() { idp.refresh = -1 })
	a = s.again(a) // no pause after the failure
	if err := a.Reject(t.Context(), credential.Rejection{Token: token, Status: 401}); !fault.Is(err, fault.SignInNeeded) || !strings.Contains(fault.Public(err).What, "company's identity provider has ended") {
		t.Errorf("ended: %v", err)
	}
	if f, err := a.Facts(); err != nil || f.State != credential.SignInNeeded {
		t.Errorf("ended: %+v, %v", f, err)
	}
	n := len(idp.requests(atToken))
	_ = a.Reject(t.Context(), credential.Rejection{Token: token, Status: 401})
	for _, r := range idp.requests(atToken)[n:] {
		t.Errorf("a refresh token that is dead was sent again: %v", r.form)
	}
	idp.do(func() { idp.refresh, idp.who, idp.life = 0, "grace", time.Hour })
	if err := (&passer{t: t}).signIn(a); !fault.Is(err, fault.OtherAccount) {
		t.Errorf("somebody else: %v", err)
	}
	idp.do(func() { idp.who, idp.iss = "ada", "https://evil.example" })
	refusedFor(t, (&passer{t: t}).signIn(a), fault.Refused, []string{"from somebody else"})
	idp.do(func() { idp.iss = idp.base })
	if err := (&passer{t: t}).signIn(a); err != nil {
		t.Errorf("as before: %v", err)
	}
	idp.on(atRevoke, nil)
	if err := a.SignOut(t.Context()); err != nil {
		t.Error(err)
	}
	if got := idp.requests(atRevoke); len(got) != 1 || !strings.HasPrefix(got[0].form.Get("token"), "c") {
		t.Errorf("at the company's was revoked %+v", got)
	}
}
