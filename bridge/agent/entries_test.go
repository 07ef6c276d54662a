package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

// TestEntries connects Cursor as the window does: list, preview, apply, undo.
func TestEntries(t *testing.T) {
	home := t.TempDir()
	r := start(t, func(c *Config) {
		c.Clients = clients.Env{GOOS: "linux", Home: home}
		c.Command = "/usr/bin/drawbridge"
	})
	r.settings(func(s *config.Settings) error {
		return s.Add(config.Server{Name: "notes", URL: "https://notes.example.com/mcp"})
	})
	file := filepath.Join(home, ".cursor", "mcp.json")
	const before = "{\n  // mine\n  \"mcpServers\": {}\n}\n"
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(before)
	cursor := func() control.MCPClient {
		t.Helper()
		all, err := r.MCPClients(t.Context())
		if err != nil || len(all) < 12 {
			t.Fatalf("clients = %+v, %v", all, err)
		}
		if all[0].ID != "cursor" || !all[0].Found || all[1].Found {
			t.Fatalf("the first is %+v", all[0])
		}
		return all[0]
	}
	if c := cursor(); c.Path != file || len(c.Entries) != 0 || c.Problem != nil {
		t.Errorf("before: %+v", c)
	}

	change := control.EntryChange{Client: "cursor", Server: "notes"}
	preview, err := r.PreviewEntry(t.Context(), change)
	if err != nil || !strings.Contains(preview.Diff, `+    "notes": {`) {
		t.Fatalf("preview = %+v, %v", preview, err)
	}
	if _, err := r.ApplyEntry(t.Context(), change); !fault.Is(err, fault.FileChanged) {
		t.Errorf("without the preview's digest: %v", err)
	}
	change.Digest = preview.Digest
	write(before + "\n")
	if _, err := r.ApplyEntry(t.Context(), change); !fault.Is(err, fault.FileChanged) {
		t.Errorf("after a change of the file: %v", err)
	}
	write(before)
	result, err := r.ApplyEntry(t.Context(), change)
	if err != nil || result.Backup == "" || result.After == "" {
		t.Fatalf("apply = %+v, %v", result, err)
	}
	if c := cursor(); len(c.Entries) != 1 || c.Entries[0] != (control.MCPEntry{Name: "notes", Server: "notes"}) {
		t.Errorf("after: %+v", c)
	}

	undo := control.EntryChange{Client: "cursor", Server: "notes", Remove: true}
	if preview, err = r.PreviewEntry(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	undo.Digest = preview.Digest
	if _, err := r.ApplyEntry(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != before {
		t.Errorf("after the undo: %q, %v", now, err)
	}

	write("{ not json")
	if c := cursor(); c.Problem == nil || c.Problem.Code != fault.BadSettings {
		t.Errorf("damaged: %+v", c)
	}
	for _, bad := range []control.EntryChange{{Client: "nobody", Server: "notes"}, {Client: "zed", Server: "other"}, {Client: "zed", Server: "a b"}} {
		if _, err := r.PreviewEntry(t.Context(), bad); err == nil {
			t.Errorf("%+v was not refused", bad)
		}
	}
}
