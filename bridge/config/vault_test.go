package config_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

func TestVaultOfTheSettings(t *testing.T) {
	for _, c := range []struct {
		text string
		want config.Vault
		what string // part of the refusal; "": accepted
	}{
		{`{"version":1,"servers":[]}`, config.Vault{}, ""},
		{`{"version":1,"servers":[],"vault":{"kind":"keychain"}}`, config.Vault{Kind: "keychain"}, ""},
		{`{"version":1,"servers":[],"vault":{"kind":"file"}}`, config.Vault{Kind: "file"}, ""},
		{`{"version":1,"servers":[],"vault":{"kind":"file","keyFile":"/k/key.txt"}}`, config.Vault{Kind: "file", KeyFile: "/k/key.txt"}, ""},
		{"{\"version\":1,\"servers\":[],\n\"vault\":{\"kind\":\"fil\"}}", config.Vault{}, `Line 2: there is no vault of the kind "fil"`},
		{`{"version":1,"servers":[],"vault":{"kind":"file","keyFile":"key.txt"}}`, config.Vault{}, "no absolute path"},
		{`{"version":1,"servers":[],"vault":{"kind":"keychain","keyFile":"/k"}}`, config.Vault{}, "goes with the vault of the kind"},
		{`{"version":1,"servers":[],"vault":"file"}`, config.Vault{}, "of the wrong kind"},
	} {
		s, err := config.Load(with(t, c.text))
		if c.what != "" {
			if !fault.Is(err, fault.BadSettings) || !strings.Contains(strings.ToLower(fault.Public(err).What), strings.ToLower(c.what)) {
				t.Errorf("%s: %v, want %q", c.text, err, c.what)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if d := cmp.Diff(c.want, s.Vault); d != "" {
			t.Errorf("%s: %s", c.text, d)
		}
	}
}

// The choice of a vault is written and taken back without touching the rest.
func TestVaultIsChanged(t *testing.T) {
	const before = "{\n\t// mine\n\t\"version\": 1,\n\t\"servers\": [],\n}\n"
	p := with(t, before)
	file := config.Vault{Kind: config.FileVault, KeyFile: "/k/key.txt"}
	for _, want := range []config.Vault{file, {Kind: config.FileVault}, {}, file, {}} {
		if err := config.Update(context.Background(), p, func(s *config.Settings) error { s.Vault = want; return nil }); err != nil {
			t.Fatal(err)
		}
		s, err := config.Load(p)
		if err != nil || s.Vault != want {
			t.Fatalf("Load = %+v, %v; want %+v", s, err, want)
		}
	}
	after, err := os.ReadFile(p.SettingsFile())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, string(after)); d != "" {
		t.Errorf("there and back: %s", d)
	}
}
