package credential_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/vault"
)

func describing(t *testing.T) (*credential.Manager, config.Server, string) {
	t.Helper()
	dir := t.TempDir()
	m := credential.NewManager(credential.Config{Paths: config.Paths{Config: dir, State: dir}, Vault: vault.NewMemory()})
	return m, config.Server{Name: "notes", URL: "https://notes.example.com"}, filepath.Join(dir, "descriptions")
}

func keep(t *testing.T, a *credential.Account, client, text string) {
	t.Helper()
	if err := a.KeepDescription(t.Context(), client, json.RawMessage(text), "streamable-http"); err != nil {
		t.Fatal(err)
	}
}

func text(a *credential.Account, client string) string {
	d, ok := a.Describe(client)
	if !ok {
		return ""
	}
	return string(d.Text)
}

// A description is the account's, the address's and the kind of client's own.
func TestDescriptionIsKept(t *testing.T) {
	m, server, dir := describing(t)
	a := m.Account(server, "")
	if got := text(a, "c"); got != "" {
		t.Errorf("before anything is known: %s", got)
	}
	keep(t, a, "c", `{"v":1}`)
	keep(t, a, "d", `{"v":2}`)
	keep(t, a, "c", `{"v":3}`)
	moved := server
	moved.URL = "https://other.example.com"
	for _, tt := range []struct {
		a            *credential.Account
		client, want string
	}{
		{a, "c", `{"v":3}`},
		{a, "d", `{"v":2}`},
		{a, "e", ""},
		{m.Account(server, "work"), "c", ""},
		{m.Account(moved, ""), "c", ""},
	} {
		if got := text(tt.a, tt.client); got != tt.want {
			t.Errorf("%s to %s: %s, want %s", tt.a.Name(), tt.client, got, tt.want)
		}
	}
	info, err := os.Stat(filepath.Join(dir, a.Key()+".json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(dir, a.Key()+".json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := text(a, "c"); got != "" {
		t.Errorf("out of a damaged file: %s", got)
	}
	keep(t, a, "c", `{"v":4}`)
	if got := text(a, "c"); got != `{"v":4}` {
		t.Errorf("after a damaged file: %s", got)
	}
}

func TestDescriptionsAreBounded(t *testing.T) {
	m, server, _ := describing(t)
	a := m.Account(server, "")
	for i := range 20 {
		keep(t, a, strconv.Itoa(i), `{}`)
	}
	known := 0
	for i := range 20 {
		if text(a, strconv.Itoa(i)) != "" {
			known++
		}
	}
	if known != 8 || text(a, "19") == "" || text(a, "0") != "" {
		t.Errorf("%d are kept", known)
	}
	if err := a.KeepDescription(t.Context(), "big", json.RawMessage(`"`+strings.Repeat("x", 1<<20)+`"`), ""); err == nil {
		t.Error("one of a MiB is kept")
	}
}

// What a server told an account goes with the sign-in.
func TestDescriptionIsForgottenWithTheSignIn(t *testing.T) {
	for name, forget := range map[string]func(*credential.Account) error{
		"sign-out": func(a *credential.Account) error { return a.SignOut(t.Context()) },
		"forget":   func(a *credential.Account) error { return a.Forget(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			m, server, dir := describing(t)
			a := m.Account(server, "")
			keep(t, a, "c", `{"v":1}`)
			if err := forget(a); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(dir, a.Key()+".json")); !os.IsNotExist(err) {
				t.Errorf("the file is there: %v", err)
			}
			if name == "sign-out" { // a bridge that has not noticed yet
				keep(t, a, "c", `{"v":2}`)
				if got := text(a, "c"); got != "" {
					t.Errorf("kept after the sign-out: %s", got)
				}
			}
		})
	}
}

func TestDescriptionIsForgottenWithANewSignIn(t *testing.T) {
	w := newWorld(t, time.Minute)
	a := w.process()
	w.signIn(a)
	keep(t, a, "c", `{"v":1}`)
	if text(a, "c") == "" {
		t.Fatal("not kept")
	}
	w.signIn(a)
	if got := text(a, "c"); got != "" {
		t.Errorf("kept over a sign-in: %s", got)
	}
}

// How a server was spoken to is what the newest description says; what a server
// says there is bounded.
func TestSpoken(t *testing.T) {
	m, server, _ := describing(t)
	a := m.Account(server, "")
	if version, over := a.Spoken(); version != "" || over != "" {
		t.Errorf("before anything is known: %q, %q", version, over)
	}
	for _, tt := range []struct{ said, over, version string }{
		{`{"protocolVersion":"2025-06-18","serverInfo":{}}`, "http+sse", "2025-06-18"},
		{`{"supportedVersions":["2026-07-28"],"resultType":"complete"}`, "streamable-http", "2026-07-28"},
		{`{"protocolVersion":"` + strings.Repeat("9", 33) + `"}`, "streamable-http", ""},
		{`{"protocolVersion":"2025\u202e06"}`, "streamable-http", ""},
		{`{"protocolVersion":7}`, "streamable-http", ""},
	} {
		if err := a.KeepDescription(t.Context(), "c", json.RawMessage(tt.said), tt.over); err != nil {
			t.Fatal(err)
		}
		if version, over := a.Spoken(); version != tt.version || over != tt.over {
			t.Errorf("after %s by %s: %q, %q", tt.said, tt.over, version, over)
		}
	}
}
