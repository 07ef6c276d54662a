package agent

import (
	"encoding/json"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/vault"
)

// TestSpokenInSnapshot: how a server was spoken to last stands in its row while
// nobody uses it.
func TestSpokenInSnapshot(t *testing.T) {
	dir := t.TempDir()
	paths := config.Paths{Config: dir + "/config", State: dir + "/state"}
	server := config.Server{Name: "notes", URL: "https://notes.example.com/mcp"}
	if err := config.Update(t.Context(), paths, func(s *config.Settings) error { return s.Add(server) }); err != nil {
		t.Fatal(err)
	}
	m := credential.NewManager(credential.Config{Paths: paths, Vault: vault.NewMemory()})
	if err := m.Account(server, "").KeepDescription(t.Context(), "c", json.RawMessage(`{"protocolVersion":"2025-06-18"}`), "http+sse"); err != nil {
		t.Fatal(err)
	}
	a := withoutSocket(t, Config{Paths: paths, Accounts: Credentials(m)})
	a.rebuild()
	row := a.feed.Snapshot().Servers[0]
	if row.Era != "2025-06-18" || row.Transport != "http+sse" {
		t.Errorf("the row says %q over %q", row.Era, row.Transport)
	}
}
