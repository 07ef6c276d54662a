package credential

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// endpoint is a token endpoint that does what a test wants; real ones cannot be
// made to fail in these ways.
type endpoint struct {
	*httptest.Server
	requests atomic.Int32
	mu       sync.Mutex
	sent     []string // refresh tokens, in order
	do       func(n int, w http.ResponseWriter)
}

func newEndpoint(t *testing.T, do func(n int, w http.ResponseWriter)) *endpoint {
	e := &endpoint{do: do}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") != "refresh_token" || r.FormValue("resource") != "http://127.0.0.1:1/mcp" || r.FormValue("client_id") != "c1" {
			t.Errorf("refresh request: %v", r.PostForm)
		}
		e.mu.Lock()
		e.sent = append(e.sent, r.FormValue("refresh_token"))
		e.mu.Unlock()
		do(int(e.requests.Add(1)), w)
	}))
	t.Cleanup(func() {
		e.CloseClientConnections()
		e.Close()
	})
	return e
}

func grant(w http.ResponseWriter, access, refresh string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token":%q,"refresh_token":%q,"token_type":"Bearer","expires_in":3600}`, access, refresh)
}

func refuse(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// signedIn is an account whose access token ended, with refresh token r0.
func signedIn(t *testing.T, e *endpoint, left time.Duration) *Account {
	t.Helper()
	dir := t.TempDir()
	client := &http.Client{Transport: &http.Transport{}}
	m := NewManager(Config{Paths: config.Paths{Config: dir, State: dir}, Vault: vault.NewMemory(), HTTP: client})
	t.Cleanup(func() {
		m.Close(context.Background())
		client.CloseIdleConnections()
	})
	a := m.Account(config.Server{Name: "s", URL: "http://127.0.0.1:1/mcp"}, "")
	now := time.Now()
	r := &record{
		URL: "http://127.0.0.1:1/mcp", Access: secret.New("a0"), Refresh: secret.New("r0"),
		Client: oauth.ClientCredentials{ClientID: "c1", AuthMethod: oauth.AuthNone}, Issuer: e.URL, TokenEndpoint: e.URL + "/token",
		Resource: "http://127.0.0.1:1/mcp", IssuedAt: now.Add(-time.Hour), ExpiresAt: now.Add(left),
	}
	if err := a.write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := a.note(func(f *Facts) { f.noteRecord(r) }); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTroubleAtTheTokenEndpointSignsNobodyOut(t *testing.T) {
	for name, fail := range map[string]func(http.ResponseWriter){
		"503":           func(w http.ResponseWriter) { refuse(w, 503, "busy") },
		"500 with code": func(w http.ResponseWriter) { refuse(w, 500, `{"error":"server_error"}`) },
		"429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			refuse(w, 429, `{}`)
		},
		"answer cut": func(w http.ResponseWriter) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, func(n int, w http.ResponseWriter) {
				if n <= 2 {
					fail(w)
					return
				}
				grant(w, "a1", "r1")
			})
			a := signedIn(t, e, -time.Minute)
			got, err := a.Bearer(t.Context())
			if err != nil || got.Reveal() != "a1" {
				t.Fatalf("Bearer = %q, %v", got.Reveal(), err)
			}
			if n := e.requests.Load(); n != 3 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestEndpointThatStaysAwayKeepsTheSignIn(t *testing.T) {
	e := newEndpoint(t, nil)
	a := signedIn(t, e, -time.Minute)
	e.Close() // nobody listens any more
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := a.Bearer(ctx); err == nil || fault.Is(err, fault.SignInNeeded) {
		t.Errorf("Bearer = %v", err)
	}
	r, err := a.read(t.Context())
	if err != nil || r.Refresh.Reveal() != "r0" {
		t.Errorf("the refresh token is gone: %v", err)
	}
}

func TestTokenThatStillWorksIsUsedWhileTheEndpointIsAway(t *testing.T) {
	release := make(chan struct{})
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) {
		<-release
		refuse(w, 503, "")
	})
	a := signedIn(t, e, 30*time.Second) // inside its margin
	defer close(release)
	begun := time.Now()
	got, err := a.Bearer(t.Context())
	if err != nil || got.Reveal() != "a0" {
		t.Errorf("Bearer = %q, %v", got.Reveal(), err)
	}
	if took := time.Since(begun); took > 15*time.Second { // a token request is given up after twice that
		t.Errorf("it took %v", took)
	}
}

func TestOnlyTheServersWordEndsTheSignIn(t *testing.T) {
	for name, says := range map[string]func(w http.ResponseWriter){
		"invalid_grant": func(w http.ResponseWriter) {
			refuse(w, 400, `{"error":"invalid_grant","error_description":"r0 is gone"}`)
		},
		"invalid_grant with 200": func(w http.ResponseWriter) { refuse(w, 200, `{"error":"invalid_grant"}`) },
		"Microsoft's word":       func(w http.ResponseWriter) { refuse(w, 400, `{"error":"interaction_required"}`) },
		"GitHub's word":          func(w http.ResponseWriter) { refuse(w, 200, `{"error":"bad_refresh_token"}`) },
		"GitHub's word in a form": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
			_, _ = io.WriteString(w, "error=bad_refresh_token&error_description=The+refresh+token+passed+is+incorrect+or+expired.")
		},
		"Slack's word": func(w http.ResponseWriter) { refuse(w, 200, `{"ok":false,"error":"invalid_refresh_token"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, func(_ int, w http.ResponseWriter) { says(w) })
			a := signedIn(t, e, -time.Minute)
			for range 3 {
				_, err := a.Bearer(t.Context())
				if !fault.Is(err, fault.SignInNeeded) || strings.Contains(fault.Public(err).What, "r0") {
					t.Fatalf("Bearer = %v", err)
				}
			}
			if n := e.requests.Load(); n != 1 {
				t.Errorf("a dead refresh token was sent %d times", n)
			}
			if f, _ := a.Facts(); f.State != SignInNeeded || f.Renewable || f.Problem == nil {
				t.Errorf("Facts = %+v", f)
			}
		})
	}
	for name, says := range map[string]func(w http.ResponseWriter){
		"invalid_scope does not":            func(w http.ResponseWriter) { refuse(w, 400, `{"error":"invalid_scope"}`) },
		"nor does a word that nobody knows": func(w http.ResponseWriter) { refuse(w, 200, `{"ok":false,"error":"ratelimited"}`) },
		"nor ok:false alone":                func(w http.ResponseWriter) { refuse(w, 200, `{"ok":false}`) },
		"nor an answer without a token":     func(w http.ResponseWriter) { refuse(w, 200, `{"token_type":"bearer"}`) },
		"nor a page":                        func(w http.ResponseWriter) { refuse(w, 403, `<html>no</html>`) },
		"nor a page with 400":               page(400),
		"nor a page with 401":               page(401),
		"nor a page with 200":               page(200),
		"nor a page somewhere else": func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://hotel.example/welcome")
			w.WriteHeader(http.StatusFound)
		},
		"nor no code":           func(w http.ResponseWriter) { refuse(w, 400, `{}`) },
		"nor nothing":           func(w http.ResponseWriter) { refuse(w, 401, ``) },
		"nor a word of its own": func(w http.ResponseWriter) { refuse(w, 400, `{"error":{"code":"invalid_grant"}}`) },
		"nor a missing right":   func(w http.ResponseWriter) { refuse(w, 400, `{"error":"unauthorized_client"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, func(_ int, w http.ResponseWriter) { says(w) })
			a := signedIn(t, e, -time.Minute)
			if _, err := a.Bearer(t.Context()); !fault.Is(err, fault.Unreachable) {
				t.Errorf("Bearer = %v", err)
			}
			if r, _ := a.read(t.Context()); r.Refresh.Reveal() != "r0" {
				t.Error("the refresh token is gone")
			}
			if f, _ := a.Facts(); f.State != SignedIn || f.Problem == nil {
				t.Errorf("Facts = %+v", f)
			}
		})
	}
}

// The caller goes away in the middle: the rotated token is kept all the same.
func TestCallerThatGivesUpLosesNoRotation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) {
		cancel() // in the middle
		<-release
		grant(w, "a1", "r1")
	})
	a := signedIn(t, e, -time.Minute)
	if _, err := a.Bearer(ctx); err == nil {
		t.Fatal("Bearer did not end with its context")
	}
	close(release)
	a.m.Close(t.Context()) // waits, as a process that ends does
	if r, err := a.read(t.Context()); err != nil || r.Refresh.Reveal() != "r1" || r.Access.Reveal() != "a1" {
		t.Errorf("the rotated token is lost: %v", err)
	}
}

func TestAnswerWithoutRefreshTokenKeepsTheOldOne(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"a1","token_type":"Bearer"}`)
	})
	a := signedIn(t, e, -time.Minute)
	if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a1" {
		t.Fatalf("Bearer = %v", err)
	}
	if r, _ := a.read(t.Context()); r.Refresh.Reveal() != "r0" || !r.ExpiresAt.IsZero() {
		t.Errorf("refresh token kept: %v, expiry %v", r.Refresh.Reveal() == "r0", r.ExpiresAt)
	}
}

// A vault that cannot be written: the new token is not used, the error is said.
func TestUnwritableVault(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { grant(w, "a1", "r1") })
	a := signedIn(t, e, -time.Minute)
	a.m.vault = readOnly{a.m.vault}
	_, err := a.Bearer(t.Context())
	if !fault.Is(err, fault.NoKeychain) {
		t.Errorf("Bearer = %v", err)
	}
}

type readOnly struct{ Vault }

func (readOnly) Set(context.Context, string, secret.String) error {
	return fault.New(fault.NoKeychain, "The keychain did not do what it was asked to.", "Look after it.")
}

// A state folder that cannot be written (a full disk) loses no token.
func TestFullDiskLosesNoToken(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { grant(w, "a1", "r1") })
	a := signedIn(t, e, -time.Minute)
	// A folder in the place of the facts file: it can be neither written nor replaced.
	if err := os.Remove(a.factsFile()); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(a.factsFile(), "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a1" {
		t.Errorf("Bearer = %v", err)
	}
	if r, err := a.read(t.Context()); err != nil || r.Refresh.Reveal() != "r1" {
		t.Errorf("the rotated token is lost: %v", err)
	}
}
