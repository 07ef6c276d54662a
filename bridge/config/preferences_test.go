package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/fault"
)

func TestPreferencesAreKeptBesideTheRest(t *testing.T) {
	dir := t.TempDir()
	p := Paths{Config: filepath.Join(dir, "c"), State: filepath.Join(dir, "s")}
	if err := MakePrivate(p.Config); err != nil {
		t.Fatal(err)
	}
	const before = "{\n  // mine\n  \"version\": 1,\n  \"servers\": [{\"name\": \"a\", \"url\": \"https://a.example\"}],\n}\n"
	if err := os.WriteFile(p.SettingsFile(), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	want := Preferences{Theme: ThemeDark, HideTray: true, LogLevel: "debug", Browser: "firefox.desktop"}
	set := func(to Preferences) {
		t.Helper()
		if err := Update(t.Context(), p, func(s *Settings) error { s.Desktop = to; return nil }); err != nil {
			t.Fatal(err)
		}
		got, err := Load(p)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(to, got.Desktop); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	set(want)
	raw, _ := os.ReadFile(p.SettingsFile())
	if !strings.Contains(string(raw), "// mine") || !strings.Contains(string(raw), "https://a.example") {
		t.Errorf("the rest of the file is not as it was:\n%s", raw)
	}
	set(Preferences{})
	raw, _ = os.ReadFile(p.SettingsFile())
	if strings.Contains(string(raw), "desktop") {
		t.Errorf("the usual preferences leave something behind:\n%s", raw)
	}
}

func TestPreferencesThatMeanNothingAreRefused(t *testing.T) {
	for name, p := range map[string]Preferences{
		"theme":   {Theme: "blue"},
		"level":   {LogLevel: "loud"},
		"browser": {Browser: strings.Repeat("x", maxBrowser+1)},
	} {
		if err := p.Check(); !fault.Is(err, fault.Usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := parse("settings.json", []byte("{\n\"version\": 1,\n\"desktop\": {\"theme\": \"blue\"}}"))
	if !fault.Is(err, fault.BadSettings) || !strings.Contains(err.Error(), "Line 3") {
		t.Errorf("a damaged file: %v", err)
	}
}
