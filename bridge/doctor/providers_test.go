package doctor_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/doctor"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
	"drawbridge/test/town"
)

// provider is an authorization server that behaves as one of those that people
// meet, at the address where they meet it, and is as strict as that is.
type provider struct {
	issuer string
	// metadata are the addresses where it is found; nowhere else.
	metadata []string
	// authorizeAt and tokenAt are its endpoints, registerAt lists a registration.
	authorizeAt, tokenAt, registerAt string
	// registers: strangers are, too; else the person has registered a client, and
	// got a secret.
	registers, secret bool
	noPKCE            bool // the metadata does not list it
	scopes            []string
	// mustHave and mustLack are of the authorization request, refreshHas of a
	// refresh: "name" or "name=value".
	mustHave, mustLack, refreshHas []string
	// refreshesWith: only then is there a refresh token; nil: always.
	refreshesWith []string
	form          bool   // answers are forms
	ok            bool   // answers have ok:true
	access        string // the access token; "" for an opaque one
	noRefresh     bool

	mu      sync.Mutex
	granted url.Values // the authorization request that was granted
	tokens  int
	faults  []string // what it did not like
}

func (p *provider) is(w *town.Town) {
	for _, address := range append([]string{p.authorizeAt, p.tokenAt, p.registerAt}, p.metadata...) {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			w.Is(u.Host, p)
		}
	}
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	address := "https://" + r.Host + r.URL.Path
	switch {
	case r.Method == http.MethodGet && slices.Contains(p.metadata, address):
		doc := map[string]any{
			"issuer": p.issuer, "authorization_endpoint": p.authorizeAt, "token_endpoint": p.tokenAt, "scopes_supported": p.scopes,
			"response_types_supported": []string{"code"}, "grant_types_supported": []string{"authorization_code", "refresh_token"},
		}
		if p.registerAt != "" {
			doc["registration_endpoint"] = p.registerAt
		}
		if !p.noPKCE {
			doc["code_challenge_methods_supported"] = []string{"S256"}
		}
		answer(w, http.StatusOK, doc)
	case r.Method == http.MethodGet && address == p.authorizeAt:
		p.authorize(w, r)
	case r.Method == http.MethodPost && address == p.tokenAt:
		p.token(w, r)
	case r.Method == http.MethodPost && address == p.registerAt && p.registers:
		answer(w, http.StatusCreated, map[string]any{"client_id": "registered", "token_endpoint_auth_method": "none"})
	case r.Method == http.MethodPost && address == p.registerAt:
		answer(w, http.StatusForbidden, map[string]any{"errorCode": "E0000005", "errorSummary": "Invalid session"})
	default:
		http.NotFound(w, r)
	}
}

// lacks lists those of want that are not among the values.
func lacks(values url.Values, want []string) (all []string) {
	for _, w := range want {
		name, value, exact := strings.Cut(w, "=")
		if !values.Has(name) || exact && !slices.Contains(strings.Fields(values.Get(name)), value) {
			all = append(all, w)
		}
	}
	return all
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back := url.Values{"state": {q.Get("state")}}
	p.mu.Lock()
	defer p.mu.Unlock()
	missing := lacks(q, append([]string{"code_challenge", "code_challenge_method=S256"}, p.mustHave...))
	has := slices.DeleteFunc(slices.Clone(p.mustLack), func(one string) bool { return len(lacks(q, []string{one})) > 0 })
	if len(missing)+len(has) > 0 {
		p.faults = append(p.faults, fmt.Sprintf("authorization without %q and with %q", missing, has))
		back.Set("error", "invalid_request")
	} else {
		p.granted = q
		back.Set("code", "code1")
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(raw))
	_, given, _ := r.BasicAuth()
	if given == "" {
		given = form.Get("client_secret")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fault := ""
	switch grant := form.Get("grant_type"); {
	case p.secret && given != "shown":
		fault = "invalid_client"
	case grant == "authorization_code" && form.Get("code") != "code1", grant == "refresh_token" && form.Get("refresh_token") != fmt.Sprintf("r%d", p.tokens):
		fault = "invalid_grant"
	case grant == "refresh_token" && len(lacks(form, p.refreshHas)) > 0:
		fault = "invalid_scope"
	case len(p.mustLack) > 0 && slices.Contains(p.mustLack, "resource") && form.Has("resource"):
		fault = "invalid_target"
	}
	if fault != "" {
		p.faults = append(p.faults, "token request: "+fault)
		p.say(w, http.StatusBadRequest, map[string]any{"error": fault, "ok": false})
		return
	}
	p.tokens++
	access := p.access
	if access == "" {
		access = fmt.Sprintf("opaque%d", p.tokens)
	}
	body := map[string]any{"access_token": access, "token_type": "bearer"}
	if !p.noRefresh {
		body["expires_in"] = 3600
		if len(lacks(p.granted, p.refreshesWith)) == 0 {
			body["refresh_token"] = fmt.Sprintf("r%d", p.tokens)
		}
	}
	p.say(w, http.StatusOK, body)
}

// say answers a token request in the provider's way.
func (p *provider) say(w http.ResponseWriter, status int, body map[string]any) {
	switch {
	case p.form:
		form := url.Values{}
		for name, value := range body {
			form.Set(name, fmt.Sprint(value))
		}
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		_, _ = io.WriteString(w, form.Encode()) // 200, whatever it is
	case p.ok:
		if status == http.StatusOK {
			body["ok"] = true
		}
		answer(w, http.StatusOK, body)
	default:
		delete(body, "ok")
		answer(w, status, body)
	}
}

func answer(w http.ResponseWriter, status int, doc any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc)
}

const (
	customer = town.Customer
	wellRFC  = "/.well-known/oauth-authorization-server"
	wellOIDC = "/.well-known/openid-configuration"
)

// known are the providers of docs/providers.md.
var known = map[string]*provider{
	"Microsoft Entra ID": {
		issuer: "https://login.microsoftonline.com/0000/v2.0", metadata: []string{"https://login.microsoftonline.com/0000/v2.0" + wellOIDC},
		authorizeAt: "https://login.microsoftonline.com/0000/oauth2/v2.0/authorize", tokenAt: "https://login.microsoftonline.com/0000/oauth2/v2.0/token",
		noPKCE: true, scopes: []string{"openid", "offline_access"},
		mustHave: []string{"scope=" + customer + "/.default"}, mustLack: []string{"resource", "prompt=consent"}, refreshHas: []string{"scope=" + customer + "/.default"},
	},
	"Google": {
		issuer: "https://accounts.google.com", metadata: []string{"https://accounts.google.com" + wellOIDC},
		authorizeAt: "https://accounts.google.com/o/oauth2/v2/auth", tokenAt: "https://oauth2.googleapis.com/token",
		secret: true, noPKCE: true, mustLack: []string{"resource"}, refreshesWith: []string{"access_type=offline", "prompt=consent"},
	},
	"Auth0": {
		issuer: "https://acme.eu.auth0.com/", metadata: []string{"https://acme.eu.auth0.com" + wellOIDC, "https://acme.eu.auth0.com" + wellRFC},
		authorizeAt: "https://acme.eu.auth0.com/authorize", tokenAt: "https://acme.eu.auth0.com/oauth/token", registerAt: "https://acme.eu.auth0.com/oidc/register",
		registers: true, mustHave: []string{"audience=" + customer},
	},
	"Amazon Cognito": {
		issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a", metadata: []string{"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a" + wellOIDC},
		authorizeAt: "https://acme.auth.eu-west-1.amazoncognito.com/oauth2/authorize", tokenAt: "https://acme.auth.eu-west-1.amazoncognito.com/oauth2/token",
		noPKCE: true,
	},
	"Okta": {
		issuer: "https://acme.okta.com/oauth2/default", metadata: []string{"https://acme.okta.com" + wellRFC + "/oauth2/default", "https://acme.okta.com/oauth2/default" + wellOIDC},
		authorizeAt: "https://acme.okta.com/oauth2/default/v1/authorize", tokenAt: "https://acme.okta.com/oauth2/default/v1/token", registerAt: "https://acme.okta.com/oauth2/v1/clients",
	},
	"GitHub": {
		issuer: "https://github.com/login/oauth", authorizeAt: "https://github.com/login/oauth/authorize", tokenAt: "https://github.com/login/oauth/access_token",
		secret: true, mustLack: []string{"resource"}, form: true, noRefresh: true,
	},
	"Atlassian": simple("https://cf.mcp.atlassian.com"),
	"Slack": {
		issuer: "https://slack.com", metadata: []string{"https://slack.com" + wellOIDC},
		authorizeAt: "https://slack.com/openid/connect/authorize", tokenAt: "https://slack.com/api/openid.connect.token",
		secret: true, noPKCE: true, mustLack: []string{"resource"}, ok: true,
	},
	"Notion":     simple("https://mcp.notion.com"),
	"Linear":     simple("https://mcp.linear.app"),
	"Sentry":     simple("https://mcp.sentry.dev"),
	"Cloudflare": simple("https://bindings.mcp.cloudflare.com"),
	"Keycloak": {
		issuer: "https://sso.example.com/realms/acme", metadata: []string{"https://sso.example.com/realms/acme" + wellOIDC},
		authorizeAt: "https://sso.example.com/realms/acme/protocol/openid-connect/auth", tokenAt: "https://sso.example.com/realms/acme/protocol/openid-connect/token",
		registerAt: "https://sso.example.com/realms/acme/clients-registrations/openid-connect", registers: true,
		access: unsigned(`{"iss":"https://sso.example.com/realms/acme","sub":"ada","aud":"account","exp":4000000000}`),
	},
}

// simple is a provider that registers strangers and rotates.
func simple(issuer string) *provider {
	return &provider{
		issuer: issuer, metadata: []string{issuer + wellRFC}, authorizeAt: issuer + "/authorize", tokenAt: issuer + "/token",
		registerAt: issuer + "/register", registers: true,
	}
}

func unsigned(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(claims)) + "." + part([]byte("signature"))
}

// TestProviders: the doctor says of each provider what is particular about it
// and what to do; the sign-in does what the provider wants, through a company's
// proxy and with its own authority; and the token is renewed.
func TestProviders(t *testing.T) {
	for name, p := range known {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := town.New(t)
			p.is(w)
			w.Is(town.CustomerHost, town.Protected(p.issuer, func(string) bool { return true }))
			if got := oauth.PresetFor(p.issuer).Name; got != name {
				t.Fatalf("the issuer is taken for %q", got)
			}
			server := config.Server{Name: "crm", URL: customer, TLS: config.TLS{CAFile: w.CAFile, Proxy: w.Proxy}}
			trace := &doctor.Trace{}
			dir := t.TempDir()
			m := credential.NewManager(credential.Config{
				Paths: config.Paths{Config: dir + "/c", State: dir + "/s"}, Vault: vault.NewMemory(), HTTP: &http.Client{}, Wrap: trace.Wrap,
			})
			walk := func(signIn bool) report.Report {
				account := m.Account(server, "")
				transport, err := account.Transport()
				if err != nil {
					t.Fatal(err)
				}
				r := doctor.Run(t.Context(), doctor.Config{
					Server: server, Account: "default", Credential: account, HTTP: remote.NewHTTPOver(transport), Trace: trace, SignIn: signIn,
					UI: credential.UI{Open: func(ctx context.Context, address string) error {
						go func() { _, _, _ = w.Person("ada").Open(context.WithoutCancel(ctx), address) }()
						return nil
					}},
				})
				check(t, r)
				return r
			}

			// Without a client of one's own: who registers nobody says so.
			first := walk(false)
			said := map[string]report.Line{}
			for _, l := range first.Lines {
				said[l.ID] = l
			}
			if l := said["provider.name"]; !strings.Contains(l.Got, name) {
				t.Errorf("the provider is not named: %+v", l)
			}
			if l := said["registration.way"]; (l.Status == report.OK) != p.registers {
				t.Errorf("registration: %+v", l)
			}
			// With one.
			if !p.registers {
				server.ClientID = "mine"
			}
			if p.secret {
				if err := m.Account(server, "").SetClientSecret(t.Context(), secret.New("shown")); err != nil {
					t.Fatal(err)
				}
			}
			second := walk(true)
			for _, l := range second.Lines {
				if _, there := said[l.ID]; !there {
					said[l.ID] = l
				}
			}
			if second.Outcome != report.Healthy {
				t.Errorf("it comes to nothing: %s, %v", second.Outcome, p.faults)
				for _, l := range second.Lines {
					if l.Status == report.Fail {
						t.Errorf("%+v", l)
					}
				}
			}
			for id, word := range town.Quirks[name] {
				if l, there := said[id]; !there || l.Got == "" || !strings.Contains(l.Remedy, word) {
					t.Errorf("%s says %q, %q; want %q", id, l.Got, l.Remedy, word)
				}
			}
			account := m.Account(server, "")
			token, err := account.Bearer(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !p.noRefresh && p.access == "" {
				if err := account.Reject(t.Context(), credential.Rejection{Token: token, Status: 401}); err != nil {
					t.Errorf("the token is not renewed: %v, %v", err, p.faults)
				}
			}
			if f, err := account.Facts(); err != nil || f.Renewable == p.noRefresh {
				t.Errorf("renewable: %v, %v", f.Renewable, err)
			}
			if len(p.faults) > 0 {
				t.Errorf("the provider did not like: %v", p.faults)
			}
		})
	}
	if got := len(known); got != 13 || got != len(town.Quirks) {
		t.Errorf("%d providers, and what is to be said of %d", got, len(town.Quirks))
	}
}
