package credential

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
	"drawbridge/test/pipes"
)

// slowTown is an MCP server with its authorization server, at one address that
// only the test's connections lead to, so that its clock may be the test's. It is
// honest, but for what drips: one byte a second, without an end.
type slowTown struct {
	net *pipes.Net

	mu    sync.Mutex
	drips map[string]int // how often; -1 for always
	asked map[string]int
}

const slowAt = "http://127.0.0.1:9"

func newSlowTown(t *testing.T) *slowTown {
	s := &slowTown{net: pipes.New(), drips: map[string]int{}, asked: map[string]int{}}
	server := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Hour}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(s.net)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
		time.Sleep(2 * time.Second) // what drips notices
	})
	return s
}

// RoundTrip makes one request on a connection of its own.
func (s *slowTown) RoundTrip(r *http.Request) (*http.Response, error) {
	t := s.net.Transport()
	t.DisableKeepAlives = true
	return t.RoundTrip(r)
}

// drip has a path be slow so many times from now on.
func (s *slowTown) drip(path string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drips[path] = times
}

func (s *slowTown) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	s.asked[r.URL.Path]++
	drips := s.drips[r.URL.Path]
	if drips > 0 {
		s.drips[r.URL.Path]--
	}
	s.mu.Unlock()
	answer := map[string]any{
		"/.well-known/oauth-protected-resource/mcp": map[string]any{"resource": slowAt + "/mcp", "authorization_servers": []string{slowAt}},
		"/.well-known/oauth-authorization-server": map[string]any{
			"issuer": slowAt, "authorization_endpoint": slowAt + "/authorize", "token_endpoint": slowAt + "/token", "registration_endpoint": slowAt + "/register",
			"device_authorization_endpoint": slowAt + "/device", "userinfo_endpoint": slowAt + "/userinfo", "revocation_endpoint": slowAt + "/revoke",
			"introspection_endpoint": slowAt + "/introspect", "jwks_uri": slowAt + "/jwks", "code_challenge_methods_supported": []string{"S256"},
		},
		"/register":   map[string]any{"client_id": "c1"},
		"/device":     map[string]any{"device_code": "d1", "user_code": "ABCD", "verification_uri": slowAt + "/code", "expires_in": 600},
		"/token":      map[string]any{"access_token": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.c2ln", "refresh_token": "r1", "token_type": "Bearer", "expires_in": 3600},
		"/userinfo":   map[string]any{"email": "ada@example.com"},
		"/introspect": map[string]any{"active": true},
		"/jwks":       map[string]any{"keys": []any{}},
		"/revoke":     map[string]any{},
	}[r.URL.Path]
	switch {
	case drips != 0:
		w.Header().Set("Content-Type", "application/json")
		for letter := "{"; ; letter = " " {
			if _, err := io.WriteString(w, letter); err != nil || http.NewResponseController(w).Flush() != nil || r.Context().Err() != nil {
				return
			}
			time.Sleep(time.Second)
		}
	case r.URL.Path == "/mcp":
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
	case answer == nil:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func (s *slowTown) account(t *testing.T) *Account {
	dir := t.TempDir()
	m := NewManager(Config{Paths: config.Paths{Config: dir, State: dir}, Vault: vault.NewMemory(), HTTP: &http.Client{Transport: s}})
	t.Cleanup(func() { m.Close(context.Background()) })
	return m.Account(config.Server{Name: "s", URL: slowAt + "/mcp", OAuth: config.OAuth{Grant: config.DeviceCode}}, "")
}

// TestBodiesThatDrip: an answer of which one byte comes each second, for ever, is
// given up within the deadline of its kind, with a reason that names who is slow;
// nothing is stored, and once the server is honest the same account signs in.
func TestBodiesThatDrip(t *testing.T) {
	for path, limit := range map[string]time.Duration{
		"/.well-known/oauth-protected-resource/mcp": 10 * time.Second,
		"/.well-known/oauth-authorization-server":   10 * time.Second,
		"/register": 10 * time.Second,
		"/device":   30 * time.Second,
	} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSlowTown(t)
				a := s.account(t)
				s.drip(path, -1)
				began := time.Now()
				err := a.SignIn(t.Context(), UI{})
				if took := time.Since(began); took < limit-time.Second || took > limit+time.Second {
					t.Errorf("given up after %v, want %v", took, limit)
				}
				if p := fault.Public(err); !fault.Is(err, fault.Unreachable) || !strings.Contains(p.What, `"127.0.0.1:9" did not answer in time`) || p.Next == "" {
					t.Errorf("the reason: %v", err)
				}
				if f, err := a.Facts(); err != nil || f.State == SignedIn {
					t.Errorf("facts %+v, %v", f, err)
				}
				s.drip(path, 0)
				if err := a.SignIn(t.Context(), UI{}); err != nil {
					t.Errorf("honest again: %v", err)
				}
			})
		})
	}
}

// TestPendingSignInOutlastsASlowAnswer: the person has said yes, and an answer
// drips: the question is asked again, and the sign-in completes. Who signed in,
// and how a token is signed, may stay unknown.
func TestPendingSignInOutlastsASlowAnswer(t *testing.T) {
	for path, limit := range map[string]time.Duration{"/token": 45 * time.Second, "/userinfo": 20 * time.Second, "/mcp": 25 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlowTown(t)
			a := s.account(t)
			s.drip(path, 1)
			began := time.Now()
			if err := a.SignIn(t.Context(), UI{}); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if took := time.Since(began); took > limit {
				t.Errorf("%s: it took %v", path, took)
			}
			if token, err := a.Bearer(t.Context()); err != nil || token.IsZero() {
				t.Errorf("%s: Bearer = %v", path, err)
			}
			if s.asked[path] == 0 {
				t.Errorf("%s was not asked", path)
			}
		})
	}
}

// TestSlowAnswersLater: for who is signed in already.
func TestSlowAnswersLater(t *testing.T) {
	for path, c := range map[string]struct {
		limit time.Duration
		do    func(*testing.T, *Account)
	}{
		"/jwks": {11 * time.Second, func(t *testing.T, a *Account) {
			if r, err := a.Report(t.Context()); err != nil || r.Format != "jwt" {
				t.Errorf("report %+v, %v", r, err)
			}
		}},
		"/introspect": {31 * time.Second, func(t *testing.T, a *Account) {
			if _, err := a.Introspect(t.Context()); !fault.Is(err, fault.Unreachable) {
				t.Errorf("introspection: %v", err)
			}
		}},
		"/token": {refreshLimit, func(t *testing.T, a *Account) {
			token, err := a.Bearer(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Reject(t.Context(), Rejection{Token: token, Status: 401}); !fault.Is(err, fault.Unreachable) {
				t.Errorf("renewal: %v", err)
			}
			if r, err := a.read(t.Context()); err != nil || r.Refresh.IsZero() {
				t.Errorf("the refresh token: %v", err)
			}
		}},
		"/revoke": {2 * time.Minute, func(t *testing.T, a *Account) {
			if err := a.SignOut(t.Context()); err == nil || !strings.Contains(err.Error(), "revoke") {
				t.Errorf("sign-out: %v", err)
			}
			if r, err := a.read(t.Context()); err != nil || r != nil {
				t.Errorf("the tokens are still there: %v", err)
			}
		}},
	} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSlowTown(t)
				a := s.account(t)
				if err := a.SignIn(t.Context(), UI{}); err != nil {
					t.Fatal(err)
				}
				s.drip(path, -1)
				began := time.Now()
				c.do(t, a)
				if took := time.Since(began); took > c.limit || s.asked[path] == 0 {
					t.Errorf("it took %v, asked %d times", took, s.asked[path])
				}
			})
		})
	}
}

// TestCodeOutlastsASlowAnswer: the browser has come back, and the token endpoint
// drips once. The person has done his part.
func TestCodeOutlastsASlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlowTown(t)
		a := s.account(t)
		d, err := a.discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		client := oauth.ClientCredentials{ClientID: "c1"}
		auth, err := oauth.NewAuthorization(oauth.AuthorizationRequest{Metadata: d.Server, Client: client, RedirectURI: "http://127.0.0.1:1/callback", Resource: d.ResourceIndicator})
		if err != nil {
			t.Fatal(err)
		}
		s.drip("/token", 1)
		began := time.Now()
		err = a.redeem(t.Context(), d, client, nil, &oauth.Answer{Code: secret.New("code1"), Authorization: auth})
		if took := time.Since(began); err != nil || took > 35*time.Second {
			t.Errorf("redeem: %v, after %v", err, took)
		}
		s.drip("/token", -1)
		began = time.Now()
		err = a.redeem(t.Context(), d, client, nil, &oauth.Answer{Code: secret.New("code1"), Authorization: auth})
		if took := time.Since(began); !fault.Is(err, fault.Unreachable) || took > 65*time.Second {
			t.Errorf("an endpoint that never ends: %v, after %v", err, took)
		}
	})
}
