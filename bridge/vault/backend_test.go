package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"drawbridge/bridge/config"
)

// fastWork keeps scrypt quick in tests.
const fastWork = 10

// keyPaths are folders with a key file, chosen in the settings.
func keyPaths(t testing.TB) (config.Paths, config.Vault) {
	t.Helper()
	dir := t.TempDir()
	p := config.Paths{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state")}
	if err := config.MakePrivate(p.State); err != nil {
		t.Fatal(err)
	}
	choice := config.Vault{Kind: config.FileVault, KeyFile: filepath.Join(dir, "key.txt")}
	if made, err := CreateKeyFile(choice.KeyFile); err != nil || !made {
		t.Fatalf("CreateKeyFile: %v, %v", made, err)
	}
	return p, choice
}

func opened(t testing.TB, c Config) *Vault {
	t.Helper()
	v := Open(c)
	v.files.work = fastWork
	return v
}

// inSession reports whether the tests run in a session of their own, as `make
// test` gives them: no test touches a person's keychain.
func inSession() bool { return os.Getenv("DRAWBRIDGE_TEST_SESSION") != "" }

func needSession(t testing.TB) {
	t.Helper()
	if !inSession() {
		t.Skip("needs a keychain session of its own: make test, or test/sessions/keyring-session.sh go test ./bridge/vault")
	}
}

// Every backend keeps the contract of Backend; the keychain is a real one.
func TestBackends(t *testing.T) {
	kinds := map[string]func(t *testing.T) Backend{
		"memory": func(*testing.T) Backend { return newMemory() },
		"file": func(t *testing.T) Backend {
			p, choice := keyPaths(t)
			return opened(t, Config{Paths: p}).files.file(choice, false)
		},
		"file, passphrase": func(t *testing.T) Backend {
			p, _ := keyPaths(t)
			v := opened(t, Config{Paths: p, Ask: answers("correct horse")})
			return v.files.file(config.Vault{Kind: config.FileVault}, false)
		},
		"keychain": func(t *testing.T) Backend {
			return &keychain{service: "drawbridge-contract-" + newGeneration(), gate: newGate(t.TempDir(), true)}
		},
	}
	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			if kind == "keychain" {
				needSession(t)
			}
			t.Run("absent", func(t *testing.T) { absentEntries(t, open(t)) })
			t.Run("values", func(t *testing.T) { valuesComeBack(t, open(t)) })
			t.Run("names", func(t *testing.T) { namesAreApart(t, open(t)) })
			t.Run("list", func(t *testing.T) { listNamesAll(t, open(t)) })
			t.Run("at once", func(t *testing.T) { manyAtOnce(t, open(t)) })
			t.Run("context", func(t *testing.T) { endedContext(t, open(t)) })
		})
	}
}

func absentEntries(t *testing.T, b Backend) {
	ctx := t.Context()
	if _, err := b.Get(ctx, "absent"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get = %v", err)
	}
	if err := b.Delete(ctx, "absent"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete = %v", err)
	}
	if err := b.Set(ctx, "there", "x"); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(ctx, "there"); err != nil {
		t.Errorf("Delete = %v", err)
	}
	if _, err := b.Get(ctx, "there"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get after Delete = %v", err)
	}
}

func valuesComeBack(t *testing.T, b Backend) {
	ctx := t.Context()
	for _, value := range []string{"", "x", "line\nline\n", "ünï\x00cödé", `{"a":"\""}`, strings.Repeat("token ", 400), "short again"} {
		if err := b.Set(ctx, "one", value); err != nil {
			t.Fatalf("Set %d bytes: %v", len(value), err)
		}
		if got, err := b.Get(ctx, "one"); err != nil || got != value {
			t.Errorf("Get after Set of %d bytes %.10q: %v, %.10q", len(value), value, err, got)
		}
	}
}

func namesAreApart(t *testing.T, b Backend) {
	ctx := t.Context()
	names := []string{"notes@default/tokens", "notes@default/tokens#00ff#0", "Notes@default/tokens", "notes@défaut/tokens", "client-0011"}
	for _, n := range names {
		if err := b.Set(ctx, n, "of "+n); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Delete(ctx, names[1]); err != nil {
		t.Fatal(err)
	}
	for _, n := range slices.Delete(slices.Clone(names), 1, 2) {
		if got, err := b.Get(ctx, n); err != nil || got != "of "+n {
			t.Errorf("Get %s = %q, %v", n, got, err)
		}
	}
}

func listNamesAll(t *testing.T, b Backend) {
	l, ok := b.(lister)
	if !ok {
		t.Skip("cannot be listed")
	}
	ctx := t.Context()
	if got, err := l.List(ctx); err != nil || len(got) != 0 {
		t.Errorf("List of nothing = %v, %v", got, err)
	}
	want := []string{"a/tokens", "a/tokens#00#0", "b"}
	for _, n := range append(want, "gone") {
		if err := b.Set(ctx, n, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Delete(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	got, err := l.List(ctx)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("List = %v, %v; want %v", got, err, want)
	}
}

func manyAtOnce(t *testing.T, b Backend) {
	ctx := t.Context()
	var work sync.WaitGroup
	for i := range 12 {
		work.Go(func() {
			own := fmt.Sprintf("own%d", i)
			for round := range 3 {
				value := fmt.Sprintf("%d of %d", round, i)
				if err := errors.Join(b.Set(ctx, own, value), b.Set(ctx, "shared", value)); err != nil {
					t.Error(err)
					return
				}
				if got, err := b.Get(ctx, own); err != nil || got != value {
					t.Errorf("%s = %q, %v; want %q", own, got, err, value)
				}
				if got, err := b.Get(ctx, "shared"); err != nil || !strings.Contains(got, " of ") {
					t.Errorf("shared = %q, %v", got, err)
				}
			}
		})
	}
	work.Wait()
	for i := range 12 {
		if got, err := b.Get(ctx, fmt.Sprintf("own%d", i)); err != nil || got != fmt.Sprintf("2 of %d", i) {
			t.Errorf("in the end own%d = %q, %v", i, got, err)
		}
	}
}

// A call with a context that has ended does not hang, and does not say that
// there is nothing.
func endedContext(t *testing.T, b Backend) {
	if err := b.Set(t.Context(), "one", "x"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := b.Get(ctx, "one"); errors.Is(err, ErrNotFound) || err == nil && got != "x" {
		t.Errorf("Get = %q, %v", got, err)
	}
	if err := b.Delete(ctx, "one"); errors.Is(err, ErrNotFound) {
		t.Errorf("Delete = %v", err)
	}
}
