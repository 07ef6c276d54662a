package credential

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/vault"
)

// Accounts share the client that is registered at their authorization server. When
// that has forgotten it, the first who is told registers anew, and the others, who
// are told of the same client later, use the new one.
func TestAForgottenClientIsReplacedOnce(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"client_id":"new","token_endpoint_auth_method":"none"}`)
	}))
	defer server.Close()
	dir := t.TempDir()
	m := NewManager(Config{Paths: config.Paths{Config: dir, State: dir}, Vault: vault.NewMemory(), HTTP: server.Client()})
	d := oauth.Discovery{Server: oauth.ServerMetadata{Issuer: server.URL, RegistrationEndpoint: server.URL + "/register"}}
	entry, back := registrationEntry(server.URL), "http://127.0.0.1:8765/callback"
	for _, name := range []string{"one", "two"} {
		a := m.Account(config.Server{Name: name, URL: "http://127.0.0.1:1/" + name}, "")
		if err := a.forgetClient(t.Context(), entry, "old"); err != nil {
			t.Fatal(err)
		}
		if c, err := a.registerInstead(t.Context(), d, back, "old"); err != nil || c.ClientID != "new" {
			t.Errorf("%s is the client %q, %v", name, c.ClientID, err)
		}
	}
	if asked != 1 {
		t.Errorf("%d clients were registered", asked)
	}
	a := m.Account(config.Server{Name: "one", URL: "http://127.0.0.1:1/one"}, "")
	if err := a.forgetClient(t.Context(), entry, "new"); err != nil {
		t.Fatal(err)
	}
	if known, err := a.registered(t.Context(), server.URL); err != nil || known.ClientID != "" {
		raw, _ := json.Marshal(known)
		t.Errorf("the client that was refused is kept: %s, %v", raw, err)
	}
}
