package cli_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/cli"
	"drawbridge/bridge/vault"
	"drawbridge/test/ports"
)

// world is a protected MCP server and its authorization server at one address,
// whose parts can be put out of order one by one. Secrets that it gives out or
// is shown are kept, so that a test can look for them.
type world struct {
	*httptest.Server
	mu      sync.Mutex
	parts   map[string]http.HandlerFunc // by path; what is not there is 404
	secrets []string
	serial  int
}

type object = map[string]any

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{}
	l := ports.Listen(t) // what a test closes stays closed
	w.Server = httptest.NewUnstartedServer(w)
	_ = w.Listener.Close()
	w.Listener = l
	w.Start()
	t.Cleanup(w.Close)
	w.mend()
	return w
}

// mend puts all parts in order.
func (w *world) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts = map[string]http.HandlerFunc{
		"/mcp": w.challenge(`Bearer resource_metadata="$SELF/.well-known/oauth-protected-resource/mcp"`),
		"/.well-known/oauth-protected-resource/mcp": w.sends(200, object{
			"resource": "$SELF/mcp", "authorization_servers": []string{"$SELF"},
		}),
		"/.well-known/oauth-authorization-server": w.sends(200, w.metadata(nil)),
		"/register":  w.sends(201, object{"client_id": "client-1"}),
		"/authorize": w.answers(func(q, back url.Values) { back.Set("code", w.secret("code")) }),
		"/token":     w.tokens,
	}
}

// nobody makes the world's address one at which nobody listens: a port that is
// closed may be another test's a moment later.
func (w *world) nobody() { w.URL = "http://127.0.0.1:1" }

// put replaces one part.
func (w *world) put(path string, h http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h == nil {
		delete(w.parts, path)
		return
	}
	w.parts[path] = h
}

func (w *world) metadata(changes object) object {
	doc := object{
		"issuer": "$SELF", "authorization_endpoint": "$SELF/authorize", "token_endpoint": "$SELF/token",
		"registration_endpoint": "$SELF/register", "code_challenge_methods_supported": []string{"S256"},
	}
	for name, value := range changes {
		if value == nil {
			delete(doc, name)
		} else {
			doc[name] = value
		}
	}
	return doc
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	w.mu.Lock()
	for _, name := range []string{"code_verifier", "state", "code", "refresh_token"} {
		if s := r.Form.Get(name); s != "" {
			w.secrets = append(w.secrets, s)
		}
	}
	h := w.parts[r.URL.Path]
	w.mu.Unlock()
	if h == nil {
		http.NotFound(rw, r)
		return
	}
	h(rw, r)
}

// secret makes a new one.
func (w *world) secret(kind string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	s := fmt.Sprintf("secret-%s-%d", kind, w.serial)
	w.secrets = append(w.secrets, s)
	return s
}

func (w *world) leaks(text string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []string
	for _, s := range w.secrets {
		if strings.Contains(text, s) {
			found = append(found, s)
		}
	}
	return found
}

func (w *world) challenge(header string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		if header != "" {
			rw.Header().Set("WWW-Authenticate", strings.ReplaceAll(header, "$SELF", w.URL))
		}
		http.Error(rw, "no", http.StatusUnauthorized)
	}
}

func (w *world) sends(status int, doc object) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		raw, err := json.Marshal(doc)
		if err != nil {
			panic(err)
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, strings.ReplaceAll(string(raw), "$SELF", w.URL))
	}
}

func text(status int, kind, body string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", kind)
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, body)
	}
}

// answers sends the browser back to the client at once, with what fill puts in.
func (w *world) answers(fill func(q, back url.Values)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		back := url.Values{"state": {q.Get("state")}}
		fill(q, back)
		http.Redirect(rw, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	}
}

func (w *world) tokens(rw http.ResponseWriter, r *http.Request) {
	w.sends(200, object{
		"access_token": w.secret("access"), "refresh_token": w.secret("refresh"), "token_type": "Bearer", "expires_in": 3600,
	})(rw, r)
}

// open is an MCP server that wants no sign-in.
func open(rw http.ResponseWriter, r *http.Request) {
	text(200, "application/json", `{"jsonrpc":"2.0","id":"drawbridge-probe","result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"open","version":"1"}}}`)(rw, r)
}

// user is a person with folders and a keychain (in memory) of their own.
type user struct {
	t      testing.TB
	dir    string
	vault  *vault.Vault
	person func(address string) // opens the sign-in's address; nil: nobody does
	stdin  io.Reader            // nil: nothing is typed
	watch  *said                // gets standard error as it comes; nil: nobody looks
}

func newUser(t testing.TB) *user {
	t.Helper()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+t.TempDir()+"/no-bus")
	return &user{t: t, dir: t.TempDir(), vault: vault.NewMemory()}
}

func (u *user) settings() string { return filepath.Join(u.dir, "config", "settings.json") }

// result is what a command left.
type result struct {
	status         int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("status %d\nstdout: %s\nstderr: %s", r.status, r.stdout, r.stderr)
}

// patience bounds the wait for what has to happen: it costs nothing when it does.
const patience = time.Minute

// run runs a command; it ends after a while in any case.
func (u *user) run(args ...string) result {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	return u.runIn(ctx, args...)
}

func (u *user) runIn(ctx context.Context, args ...string) result {
	u.t.Helper()
	out := &screen{person: u.person}
	var stderr bytes.Buffer
	errs := io.Writer(&stderr)
	if u.watch != nil {
		errs = io.MultiWriter(&stderr, u.watch)
	}
	status := cli.Main(ctx, cli.Process{
		Version: "test", Stdin: cmp.Or[io.Reader](u.stdin, strings.NewReader("")), Stdout: out, Stderr: errs, Memory: u.vault,
		Args: append([]string{"--config-dir", filepath.Join(u.dir, "config"), "--state-dir", filepath.Join(u.dir, "state"), "--vault", "memory"}, args...),
	})
	out.persons.Wait()
	return result{status, out.String(), stderr.String()}
}

// must is run for a command that has to succeed.
func (u *user) must(args ...string) result {
	u.t.Helper()
	r := u.run(args...)
	if r.status != 0 {
		u.t.Fatalf("drawbridge %s: %v", strings.Join(args, " "), r)
	}
	return r
}

// said is standard error of a command that runs on.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// forget has until wait for what is said from now on.
func (s *said) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Reset()
}

// until waits until it says so.
func (s *said) until(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		text := s.text.String()
		s.mu.Unlock()
		if strings.Contains(text, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it does not say %q:\n%s", want, text)
		}
	}
}

// screen is standard output with a person before it, who opens the address
// that `login --no-browser` prints.
type screen struct {
	bytes.Buffer
	person  func(string)
	persons sync.WaitGroup
}

func (s *screen) Write(p []byte) (int, error) {
	if address := strings.TrimSpace(string(p)); s.person != nil && strings.HasPrefix(address, "http") {
		s.persons.Go(func() { s.person(address) })
	}
	return s.Buffer.Write(p)
}

// browse opens an address and returns the page that it ends on.
func browse(address string) (string, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	return string(page), err
}

// files reads all files under a folder, by name.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, dir)] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sum is the part of a vault entry's name that stands for an issuer.
func sum(issuer string) string {
	s := sha256.Sum256([]byte(issuer))
	return hex.EncodeToString(s[:10])
}

// newTLS is a server with a certificate that nobody vouches for.
func newTLS(t testing.TB) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}
