package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPageForEachCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "for", "it")
	if err := write("1.2.3", dir); err != nil {
		t.Fatal(err)
	}
	for page, words := range map[string][]string{
		"drawbridge.1":            {`.TH "DRAWBRIDGE" "1"`, "Drawbridge 1.2.3", ".SH EXAMPLE"},
		"drawbridge-install.1":    {"drawbridge-install - ", "claude-desktop"},
		"drawbridge-vault-move.1": {"drawbridge-vault-move - "},
	} {
		text, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if !strings.Contains(string(text), word) {
				t.Errorf("%s does not say %q", page, word)
			}
		}
	}
}

func TestAFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", filepath.Join(file, "pages")} {
		if err := write("dev", dir); err == nil {
			t.Errorf("pages were written into %q", dir)
		}
	}
}
