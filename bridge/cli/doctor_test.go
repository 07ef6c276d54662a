package cli_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
)

// examine runs the doctor and reads its report.
func (u *user) examine(args ...string) (report.Report, result) {
	u.t.Helper()
	got := u.run(append([]string{"doctor", "--json"}, args...)...)
	var r report.Report
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
		u.t.Fatalf("%v\n%v", err, got)
	}
	return r, got
}

func red(r report.Report) (ids []string) {
	for _, l := range r.Lines {
		if l.Status == report.Fail {
			ids = append(ids, l.ID)
		}
	}
	return ids
}

// TestDoctorAtBadServers: each way in which a server goes wrong makes the line
// red that it is about, says what to do, and gives the exit status.
func TestDoctorAtBadServers(t *testing.T) {
	const resourcePlace = "/.well-known/oauth-protected-resource/mcp"
	meta := func(changes object) func(w *world) {
		return func(w *world) { w.put(metadataPlace, w.sends(200, w.metadata(changes))) }
	}
	resource := func(doc object) func(w *world) {
		return func(w *world) { w.put(resourcePlace, w.sends(200, doc)) }
	}
	bare := func(w *world) { w.put(resourcePlace, nil); w.put(metadataPlace, nil) }
	for name, c := range map[string]struct {
		spoil  func(w *world)
		status int
		line   string // the first red one
		got    string // is in it
	}{
		"nobody listens": {(*world).nobody, 11, "server.answer", "does not answer"},
		"cuts": {func(w *world) {
			w.put("/mcp", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}, 11, "server.answer", "does not answer"},
		"a web page": {func(w *world) { w.put("/mcp", text(200, "text/html", "<h1>Welcome</h1>")); bare(w) }, 1, "server.answer", "not as an MCP server"},
		"not found":  {func(w *world) { w.put("/mcp", nil); bare(w) }, 1, "server.answer", "HTTP 404"},
		"moved": {func(w *world) {
			w.put("/mcp", http.RedirectHandler("http://127.0.0.1:1/mcp?key=hidden", http.StatusTemporaryRedirect).ServeHTTP)
		}, 1, "server.answer", "redirect to http://127.0.0.1:1/mcp?key=[redacted]"},
		"an error":         {func(w *world) { w.put("/mcp", text(500, "text/html", "<h1>Sorry</h1>")) }, 11, "server.answer", "HTTP 500"},
		"no metadata":      {bare, 1, "issuer.metadata", "HTTP 404"},
		"not JSON":         {func(w *world) { w.put(resourcePlace, text(200, "application/json", `{"resource": `)) }, 1, "resource.metadata", "is not valid JSON"},
		"another resource": {resource(object{"resource": "https://bank.example.com/mcp", "authorization_servers": []string{"$SELF"}}), 1, "resource.identifier", "bank.example.com"},
		"no resource":      {resource(object{"authorization_servers": []string{"$SELF"}}), 1, "resource.identifier", "no resource member"},
		"an issuer away":   {resource(object{"resource": "$SELF/mcp", "authorization_servers": []string{"http://127.0.0.1:1"}}), 11, "issuer.metadata", "does not answer"},
		"a private issuer": {resource(object{"resource": "$SELF/mcp", "authorization_servers": []string{"https://169.254.169.254"}}), 1, "issuer.metadata", ""},
		"javascript":       {meta(object{"authorization_endpoint": "javascript:alert(1)"}), 1, "issuer.authorization_endpoint", "javascript:"},
		"no token address": {meta(object{"token_endpoint": nil}), 1, "issuer.token_endpoint", "nobody to ask"},
		"mixed-up issuers": {meta(object{"issuer": "https://evil.example.com"}), 1, "issuer.identifier", "evil.example.com"},
		"a slash too many": {meta(object{"issuer": "$SELF/"}), 1, "issuer.identifier", "letter"},
		"no PKCE":          {meta(object{"code_challenge_methods_supported": nil}), 1, "issuer.pkce", "no code_challenge_methods_supported"},
		"plain PKCE":       {meta(object{"code_challenge_methods_supported": []string{"plain"}}), 1, "issuer.pkce", "plain"},
		"no registration":  {meta(object{"registration_endpoint": nil}), 1, "registration.way", "does not register clients"},
		"registers nobody": {func(w *world) { w.put("/register", w.sends(400, object{"error": "invalid_redirect_uri"})) }, 1, "registration.try", "invalid_redirect_uri"},
		"an endless body": {func(w *world) {
			w.put(resourcePlace, text(200, "application/json", `{"a":"`+strings.Repeat("x", 2<<20)+`"}`))
		}, 1, "resource.metadata", "bytes long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, u := newWorld(t), newQuietUser(t)
			c.spoil(w)
			before := files(t, u.dir)
			r, got := u.examine(w.URL+"/mcp", "--register")
			reds := red(r)
			if got.status != c.status || len(reds) == 0 || reds[0] != c.line {
				t.Fatalf("status %d, red %v; want %d and %s\n%v", got.status, reds, c.status, c.line, got)
			}
			i := slices.IndexFunc(r.Lines, func(l report.Line) bool { return l.ID == c.line })
			if l := r.Lines[i]; !strings.Contains(l.Got+l.Remedy, c.got) || l.Remedy == "" || l.Ref == "" {
				t.Errorf("the line: %+v", l)
			}
			if len(before) != 0 || len(files(t, u.dir)) != 0 {
				t.Errorf("it wrote files: %v", files(t, u.dir))
			}
		})
	}
}

// newQuietUser is newUser for a parallel test: with a vault in memory nobody
// looks for a keychain.
func newQuietUser(t *testing.T) *user {
	t.Helper()
	return &user{t: t, dir: t.TempDir()}
}

// What the person sees: sections, shapes, words, references, remedies, a summary.
func TestDoctorPrints(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	w.put(metadataPlace, w.sends(200, w.metadata(object{"code_challenge_methods_supported": nil, "registration_endpoint": nil})))
	got := u.run("doctor", w.URL+"/mcp")
	for _, want := range []string{
		"The server without a sign-in\n  ✓ ok         The address is an https URL  [MCP",
		"\nWhat its authorization server says about itself\n",
		"  ✗ failed     It supports PKCE with S256  [RFC 7636 §4.2, RFC 8414 §2; MCP 2025-11-25, authorization]\n               no code_challenge_methods_supported\n             → Ask whoever runs it",
		"  ! warning    Its answers say who they are from  [RFC 9207 §3]",
		"  – not tried  It opens a session",
		"\nIt cannot work like this. ",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if got.status != 1 || got.stderr != "" || strings.Contains(got.stdout, "\x1b") {
		t.Errorf("%v", got)
	}
}

func TestDoctorOfAnAddedServer(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	u.must("add", "notes", w.URL+"/mcp")
	r, got := u.examine("notes")
	if got.status != 10 || r.Outcome != report.NeedsSignIn || r.Name != "notes" {
		t.Errorf("signed out: %s, %v", r.Outcome, got)
	}
	u.person = func(address string) { _, _ = browse(address) }
	u.must("login", "notes", "--no-browser")
	file := filepath.Join(t.TempDir(), "trace.txt")
	r, got = u.examine("notes", "--trace", file)
	// This server refuses every token.
	if reds := red(r); got.status != 1 || !slices.Equal(reds, []string{"mcp.initialize"}) {
		t.Errorf("signed in: %v, %v", reds, got)
	}
	trace, err := os.ReadFile(file)
	if err != nil || len(w.leaks(string(trace)+got.stdout+got.stderr)) != 0 || !strings.Contains(string(trace), "> POST "+w.URL+"/mcp") {
		t.Errorf("the trace (%v):\n%s", err, trace)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the trace's mode: %v, %v", info.Mode(), err)
	}
	if got := u.run("doctor", "notes", "--scope", "x"); got.status != 2 {
		t.Errorf("--scope with a name: %v", got)
	}
	if got := u.run("doctor", "nobody"); got.status != 2 {
		t.Errorf("an unknown name: %v", got)
	}
	if got := u.run("doctor", "ftp://x.example/"); got.status != 2 {
		t.Errorf("no https address: %v", got)
	}
}

// A server that asks nobody to sign in is well.
func TestDoctorAtAnOpenServer(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	w.put("/mcp", open)
	r, got := u.examine(w.URL + "/mcp")
	if got.status != 0 || r.Outcome != report.Healthy {
		t.Errorf("%s, %v", r.Outcome, got)
	}
}

// The window gets the same report through the agent, line by line; an agent
// that cannot says so.
func TestDoctorThroughTheAgent(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	u.must("add", "notes", w.URL+"/mcp")
	w.put(metadataPlace, w.sends(200, w.metadata(object{"code_challenge_methods_supported": nil})))
	said, got := u.examine("notes")
	if got.status != 1 {
		t.Fatal(got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() { u.runIn(ctx, "agent", "--no-tray") })
	t.Cleanup(func() { cancel(); ended.Wait() })
	client := control.Dial(config.Paths{Config: filepath.Join(u.dir, "config"), State: filepath.Join(u.dir, "state")})
	defer client.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, err := client.Snapshot(t.Context()); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	var lines []report.Line
	r, err := client.Doctor(t.Context(), control.Named("notes"), func(l report.Line) { lines = append(lines, l) })
	if err != nil || r.Outcome != report.Broken || len(lines) != len(r.Lines) {
		t.Fatalf("%s, %d of %d lines, %v", r.Outcome, len(lines), len(r.Lines), err)
	}
	if len(w.leaks(r.Trace)) != 0 || !strings.Contains(r.Trace, "> POST "+w.URL+"/mcp") || !strings.HasPrefix(r.Trace, "# drawbridge ") {
		t.Errorf("the trace for the window:\n%s", r.Trace)
	}
	r.StartedAt, r.Millis, said.StartedAt, said.Millis = time.Time{}, 0, time.Time{}, 0
	r.Trace = "" // the command writes it to a file
	if diff := cmp.Diff(said, r); diff != "" {
		t.Errorf("another report than the command's:\n%s", diff)
	}
	if _, err := client.Doctor(t.Context(), control.Named("nobody"), nil); !fault.Is(err, fault.UnknownServer) {
		t.Errorf("of nobody: %v", err)
	}
}

// TestDoctorInACompanysNetwork: the walk trusts whom the server's settings trust,
// whether they come with an address or were stored.
func TestDoctorInACompanysNetwork(t *testing.T) {
	var shown int
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) > 0 {
			shown++
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	u := newUser(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	raw, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := func(args ...string) report.Line {
		t.Helper()
		r, _ := u.examine(args...)
		for _, l := range r.Lines {
			if l.ID == "server.answer" {
				return l
			}
		}
		t.Fatalf("no line about the answer: %+v", r)
		return report.Line{}
	}
	if l := answer(server.URL + "/mcp"); l.Status != report.Fail || !strings.Contains(l.Got, "not trusted") || !strings.Contains(l.Remedy, "--ca-file") {
		t.Errorf("without the authority: %+v", l)
	}
	options := []string{"--ca-file", ca, "--client-cert", ca, "--client-key", key, "--proxy", "none"}
	if l := answer(append([]string{server.URL + "/mcp"}, options...)...); l.Status != report.OK || shown == 0 {
		t.Errorf("with it: %+v, the certificate was shown %d times", l, shown)
	}
	if got := u.run(append([]string{"add", "crm", server.URL + "/mcp"}, options...)...); got.status != 0 {
		t.Fatal(got)
	}
	shown = 0
	if l := answer("crm"); l.Status != report.OK || shown == 0 {
		t.Errorf("stored: %+v, the certificate was shown %d times", l, shown)
	}
}
