package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
)

// TestAppAddsAServerWithASecret: the secret is in the vault, and neither in the
// settings nor in anything that the page is told.
func TestAppAddsAServerWithASecret(t *testing.T) {
	const hidden = "s3cr3t-of-the-client"
	p := testPaths(t)
	kept := vault.NewMemory()
	startAgentWith(t, p, kept)
	app, events := startApp(t, p)
	next(t, events, EventConnected)

	if _, err := app.AddServer(NewServer{Name: "lone", URL: "https://lone.example.com/mcp", ClientSecret: hidden}); !fault.Is(err, fault.Usage) {
		t.Errorf("a secret without a client: %v", err)
	}
	if s, err := app.Snapshot(); err != nil || len(s.Servers) != 0 {
		t.Errorf("it was added all the same: %+v, %v", s.Servers, err)
	}

	added, err := app.AddServer(NewServer{Name: "hub", URL: "https://hub.example.com/mcp", ClientID: "c1", ClientSecret: hidden})
	if err != nil {
		t.Fatal(err)
	}
	settings, err := config.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	server, err := settings.Find("hub")
	if err != nil || server.ClientID != "c1" {
		t.Fatalf("the settings have %+v, %v", server, err)
	}
	got, err := kept.Get(t.Context(), credential.Key(server, config.DefaultAccount)+"/client-secret")
	if err != nil || got.Reveal() != hidden {
		t.Errorf("the vault has %v, %v", got, err)
	}
	file, err := os.ReadFile(p.SettingsFile())
	if err != nil || strings.Contains(string(file), hidden) {
		t.Errorf("the settings are %s, %v", file, err)
	}
	snapshot, err := app.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	told, err := json.Marshal([]any{added, snapshot})
	if err != nil || strings.Contains(string(told), hidden) {
		t.Errorf("the page is told %s, %v", told, err)
	}
}
