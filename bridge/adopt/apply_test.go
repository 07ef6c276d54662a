package adopt_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/adopt"
	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/demo"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// world is a person who uses the demo's server through mcp-remote.
type world struct {
	t        *testing.T
	demo     *demo.Demo
	home     string
	paths    config.Paths
	vault    credential.Vault
	manager  *credential.Manager
	key      string // of the stored sign-in
	settings string // of Claude Desktop
}

// newWorld signs in to the demo and files the tokens as mcp-remote does.
func newWorld(t *testing.T) *world {
	t.Helper()
	d, err := demo.Start(context.Background(), demo.Config{TokenLifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	w := &world{t: t, demo: d, home: t.TempDir()}
	elsewhere := vault.NewMemory()
	w.paths = config.Paths{Config: filepath.Join(t.TempDir(), "c"), State: filepath.Join(t.TempDir(), "s")}
	w.use(elsewhere)
	account := w.manager.Account(config.Server{Name: "x", URL: d.URL()}, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := account.SignIn(ctx, credential.UI{Open: func(_ context.Context, url string) error {
		go func() { _, _ = demo.SignInAsPerson(context.Background(), url, "ada@example.com") }()
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	raw, err := elsewhere.Get(ctx, account.Key()+"/tokens")
	if err != nil {
		t.Fatal(err)
	}
	var r map[string]any
	if err := json.Unmarshal([]byte(raw.Reveal()), &r); err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum([]byte(d.URL()))
	w.key = hex.EncodeToString(sum[:])
	w.write(".mcp-auth/mcp-remote-v1/"+w.key+"_tokens.json", map[string]any{
		"access_token": r["access_token"], "refresh_token": r["refresh_token"], "expires_in": 3600, "expires_at": time.Now().Add(time.Hour).UnixMilli(),
	})
	w.write(".mcp-auth/mcp-remote-v1/"+w.key+"_client_info.json", map[string]any{"client_id": r["client_id"], "issuer": d.Issuer()})
	w.paths = config.Paths{Config: filepath.Join(w.home, "config"), State: filepath.Join(w.home, "state")}
	w.use(vault.NewMemory())
	return w
}

func (w *world) use(v credential.Vault) {
	w.vault = v
	w.manager = credential.NewManager(credential.Config{Paths: w.paths, Vault: v, HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
}

func (w *world) write(name string, value any) string {
	w.t.Helper()
	path := filepath.Join(w.home, filepath.FromSlash(name))
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, err := range []error{os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, raw, 0o600)} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return path
}

// entry gives Claude Desktop an entry that starts mcp-remote with args.
func (w *world) entry(args ...string) {
	w.t.Helper()
	w.settings = w.write(".config/Claude/claude_desktop_config.json", map[string]any{"mcpServers": map[string]any{
		"other": map[string]any{"command": "other"},
		"notes": map[string]any{"command": "npx", "args": append([]string{"mcp-remote"}, args...)},
	}})
}

// look looks and asks.
func (w *world) look() *adopt.Found {
	w.t.Helper()
	settings, err := config.Load(w.paths)
	if err != nil {
		w.t.Fatal(err)
	}
	f := adopt.Look(adopt.Where{
		Env:    clients.Env{GOOS: "linux", Home: w.home},
		Getenv: func(string) (string, bool) { return "", false },
	}, settings)
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	f.Verify(ctx, w.manager)
	return f
}

func (w *world) apply(f *adopt.Found, task adopt.Task) ([]adopt.Done, error) {
	task.Paths, task.Manager, task.Command = w.paths, w.manager, "/opt/drawbridge"
	return f.Apply(w.t.Context(), task)
}

func (w *world) stored() bool {
	_, err := os.Stat(filepath.Join(w.home, ".mcp-auth", "mcp-remote-v1", w.key+"_tokens.json"))
	return err == nil
}

func (w *world) entries() string {
	w.t.Helper()
	raw, err := os.ReadFile(w.settings)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(raw)
}

func (w *world) servers() []config.Server {
	w.t.Helper()
	s, err := config.Load(w.paths)
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Servers
}

func TestApply(t *testing.T) {
	w := newWorld(t)
	w.entry(w.demo.URL())
	before := w.demo.Counts()
	f := w.look()
	if len(f.Servers) != 1 || f.Servers[0].SignIn.State != adopt.TakeOver {
		t.Fatalf("%+v", f.Servers[0].SignIn)
	}
	done, err := w.apply(f, adopt.Task{Delete: true, Replace: true})
	if err != nil || len(done) != 1 || done[0].Err != nil || !done[0].Added || !done[0].TakenOver || len(done[0].Deleted) != 2 || len(done[0].Replaced) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := w.servers(); len(got) != 1 || got[0].Name != "notes" || got[0].URL != w.demo.URL() {
		t.Errorf("settings: %+v", got)
	}
	token, err := w.manager.Account(w.servers()[0], "").Bearer(t.Context())
	if err != nil || token.IsZero() {
		t.Errorf("Bearer = %v, %v", token, err)
	}
	if _, err := os.Stat(filepath.Join(w.home, ".mcp-auth")); err == nil {
		t.Error("mcp-remote's folder is left")
	}
	if text := w.entries(); !strings.Contains(text, `"/opt/drawbridge"`) || !strings.Contains(text, `"other"`) || strings.Contains(text, "mcp-remote") {
		t.Errorf("Claude Desktop's file:\n%s", text)
	}
	if c := w.demo.Counts(); c != before {
		t.Errorf("the provider counted %+v before and %+v after", before, c)
	}
	again := w.look()
	if len(again.Servers) != 0 {
		t.Errorf("a second look finds %+v", again.Servers[0])
	}
}

// TestApplyKeepsFilesAndEntries: what was not asked for is not done.
func TestApplyKeepsFilesAndEntries(t *testing.T) {
	w := newWorld(t)
	w.entry(w.demo.URL())
	entries := w.entries()
	done, err := w.apply(w.look(), adopt.Task{})
	if err != nil || len(done) != 1 || !done[0].TakenOver || len(done[0].Deleted)+len(done[0].Replaced) != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if !w.stored() || w.entries() != entries {
		t.Error("files were changed")
	}
	if f := w.look(); !f.Servers[0].Exists || f.Servers[0].Server.Name != "notes" || f.Servers[0].SignIn.State != adopt.Already {
		t.Errorf("a second look: %+v", f.Servers[0])
	}
}

// TestApplyLeavesWhatNeedsMore: a server that is not likely to work stays
// mcp-remote's as a whole.
func TestApplyLeavesWhatNeedsMore(t *testing.T) {
	w := newWorld(t)
	w.entry(w.demo.URL(), "--header-file", "nothing")
	entries := w.entries()
	f := w.look()
	if f.Servers[0].Works() || f.Servers[0].SignIn.State != adopt.TakeOver {
		t.Fatalf("%+v", f.Servers[0])
	}
	done, err := w.apply(f, adopt.Task{Delete: true, Replace: true})
	if err != nil || len(done) != 0 || !w.stored() || w.entries() != entries || len(w.servers()) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	done, err = w.apply(f, adopt.Task{Delete: true, Replace: true, All: true})
	if err != nil || len(done) != 1 || !done[0].TakenOver || w.stored() || len(done[0].Replaced) != 1 {
		t.Errorf("with All: %+v, %v", done, err)
	}
}

// noVault is a keychain that is not there.
type noVault struct{}

var errNoVault = fault.New(fault.NoKeychain, "no keychain", "")

func (noVault) Get(context.Context, string) (secret.String, error) {
	return secret.String{}, errNoVault
}
func (noVault) Set(context.Context, string, secret.String) error { return errNoVault }
func (noVault) Delete(context.Context, string) error             { return errNoVault }

func TestApplyWithoutKeychainBeginsNothing(t *testing.T) {
	w := newWorld(t)
	w.entry(w.demo.URL())
	w.use(noVault{})
	entries := w.entries()
	done, err := w.apply(w.look(), adopt.Task{Delete: true, Replace: true})
	if !errors.Is(err, errNoVault) || len(done) != 0 || !w.stored() || w.entries() != entries || len(w.servers()) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestApplyWhenTheServerIsAway: nothing can be verified, so nothing is taken
// and the entry stays.
func TestApplyWhenTheServerIsAway(t *testing.T) {
	w := newWorld(t)
	w.entry(w.demo.URL())
	if err := w.demo.Close(); err != nil {
		t.Fatal(err)
	}
	f := w.look()
	if s := f.Servers[0].SignIn; s.State != adopt.Needed || !strings.Contains(s.Next, "Try the import again") {
		t.Errorf("%+v", s)
	}
	done, err := w.apply(f, adopt.Task{Delete: true, Replace: true})
	if err != nil || len(done) != 1 || !done[0].Added || done[0].TakenOver || len(done[0].Replaced) != 0 || !w.stored() {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestApplyStaticClient: the secret of a registered client goes into the
// keychain, and nowhere else.
func TestApplyStaticClient(t *testing.T) {
	w := newWorld(t)
	w.entry(w.demo.URL(), "--static-oauth-client-info", `{"client_id": "mine", "client_secret": "s3cr3t"}`)
	if _, err := w.apply(w.look(), adopt.Task{Replace: true}); err != nil {
		t.Fatal(err)
	}
	server := w.servers()[0]
	if server.ClientID != "mine" {
		t.Errorf("%+v", server)
	}
	got, err := w.vault.Get(t.Context(), w.manager.Account(server, "").Key()+"/client-secret")
	if err != nil || got.Reveal() != "s3cr3t" {
		t.Errorf("the client's secret: %v", err)
	}
	raw, err := os.ReadFile(w.paths.SettingsFile())
	if err != nil || strings.Contains(string(raw), "s3cr3t") || strings.Contains(w.entries(), "s3cr3t") {
		t.Errorf("a secret is in a file; %v", err)
	}
}

// TestApplyAfterTheFilesWentAway: between looking and doing a person signed out
// of mcp-remote.
func TestApplyAfterTheFilesWentAway(t *testing.T) {
	w := newWorld(t)
	w.entry(w.demo.URL())
	f := w.look()
	if err := os.Remove(filepath.Join(w.home, ".mcp-auth", "mcp-remote-v1", w.key+"_tokens.json")); err != nil {
		t.Fatal(err)
	}
	done, err := w.apply(f, adopt.Task{Delete: true})
	if err != nil || len(done) != 1 || !fault.Is(done[0].Err, fault.Storage) || done[0].TakenOver {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestApplyWaitsForMcpRemote: an mcp-remote that renews at this moment is let
// finish, and what it got is what is taken over.
func TestApplyWaitsForMcpRemote(t *testing.T) {
	w := newWorld(t)
	w.entry(w.demo.URL())
	f := w.look()
	store := ".mcp-auth/mcp-remote-v1/" + w.key
	lease := w.write(store+"_refresh_in_progress.json", map[string]any{"pid": 1, "nonce": "theirs", "at": time.Now().UnixMilli()})
	timer := time.AfterFunc(400*time.Millisecond, func() {
		w.write(store+"_tokens.json", map[string]any{"access_token": "renewed", "refresh_token": "rotated", "expires_in": 3600})
		_ = os.Remove(lease)
	})
	defer timer.Stop()
	done, err := w.apply(f, adopt.Task{Delete: true})
	if err != nil || len(done) != 1 || !done[0].TakenOver {
		t.Fatalf("%+v, %v", done, err)
	}
	if token, err := w.manager.Account(w.servers()[0], "").Bearer(t.Context()); err != nil || token.Reveal() != "renewed" {
		t.Errorf("what was taken over is not what mcp-remote got; %v", err)
	}
	if w.stored() {
		t.Error("its files are left")
	}
}
