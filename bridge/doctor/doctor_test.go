package doctor_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/demo"
	"drawbridge/bridge/doctor"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/vault"
	"drawbridge/test/ports"
)

// rig is a real server with its authorization server, and an account at it.
type rig struct {
	t       *testing.T
	demo    *demo.Demo
	account *credential.Account
	trace   *doctor.Trace
	config  doctor.Config
}

func newRig(t *testing.T) *rig {
	t.Helper()
	d, err := demo.Start(t.Context(), demo.Config{Addr: ports.FreeAddress(t), TokenLifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	r := &rig{t: t, demo: d, trace: &doctor.Trace{}}
	dir := t.TempDir()
	server := config.Server{Name: "notes", URL: d.URL()}
	m := credential.NewManager(credential.Config{
		Paths: config.Paths{Config: dir + "/c", State: dir + "/s"}, Vault: vault.NewMemory(), HTTP: &http.Client{}, Wrap: r.trace.Wrap,
	})
	r.account = m.Account(server, "")
	r.config = doctor.Config{Server: server, Account: "default", Credential: r.account, Trace: r.trace, Version: "test"}
	return r
}

func (r *rig) signIn() {
	r.t.Helper()
	if err := r.account.SignIn(r.t.Context(), r.person()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) person() credential.UI {
	return credential.UI{Open: func(ctx context.Context, url string) error {
		go func() { _, _ = demo.SignInAsPerson(context.WithoutCancel(ctx), url, "ada@example.com") }()
		return nil
	}}
}

func lineOf(r report.Report, id string) report.Line {
	if i := slices.IndexFunc(r.Lines, func(l report.Line) bool { return l.ID == id }); i >= 0 {
		return r.Lines[i]
	}
	return report.Line{}
}

func want(t *testing.T, r report.Report, verdicts map[string]report.Status) {
	t.Helper()
	for id, status := range verdicts {
		if l := lineOf(r, id); l.Status != status {
			t.Errorf("%s is %q, want %q: %+v", id, l.Status, status, l)
		}
	}
}

func check(t *testing.T, r report.Report) {
	t.Helper()
	seen := map[string]bool{}
	for _, l := range r.Lines {
		if l.Title == "" || l.Ref == "" || l.Got == "" || l.Status == "" || l.Section == "" {
			t.Errorf("a line that lacks something: %+v", l)
		}
		if (l.Status == report.Fail || l.Status == report.Warn) && l.Remedy == "" {
			t.Errorf("%s: no remedy", l.ID)
		}
		if seen[l.ID] {
			t.Errorf("%s is there twice", l.ID)
		}
		seen[l.ID] = true
	}
}

// A walk past a healthy server without an account changes nothing there.
func TestSignedOut(t *testing.T) {
	r := newRig(t)
	var progress []report.Line
	r.config.Progress = func(l report.Line) { progress = append(progress, l) }
	got := doctor.Run(t.Context(), r.config)
	check(t, got)
	want(t, got, map[string]report.Status{
		"server.address": report.OK, "server.answer": report.OK, "server.challenge": report.OK, "server.challenge.metadata": report.OK,
		"resource.metadata": report.OK, "resource.identifier": report.OK, "resource.authorization_servers": report.OK,
		"issuer.metadata": report.OK, "issuer.identifier": report.OK, "issuer.pkce": report.OK, "issuer.token_endpoint": report.OK,
		"registration.way": report.OK, "registration.try": report.Skipped,
		"authorization.account": report.Warn, "mcp.initialize": report.Skipped,
	})
	if got.Outcome != report.NeedsSignIn || got.Count(report.Fail) != 0 || len(progress) != len(got.Lines) {
		t.Errorf("outcome %s, %d red, %d of %d lines told", got.Outcome, got.Count(report.Fail), len(progress), len(got.Lines))
	}
	if c := r.demo.Counts(); c != (demo.Counts{}) {
		t.Errorf("it changed something: %+v", c)
	}
	if f, _ := r.account.Facts(); f.State != "" {
		t.Errorf("it noted %+v", f)
	}
	// An address alone is asked about, not a sign-in.
	r.config.Server.Name = ""
	if got := doctor.Run(t.Context(), r.config); got.Outcome != report.Healthy {
		t.Errorf("of the address: %s", got.Outcome)
	}
}

func TestSignedIn(t *testing.T) {
	r := newRig(t)
	r.signIn()
	before := r.demo.Counts()
	got := doctor.Run(t.Context(), r.config)
	check(t, got)
	want(t, got, map[string]report.Status{
		"authorization.account": report.OK, "authorization.refresh": report.OK, "authorization.token": report.OK,
		"mcp.initialize": report.OK, "mcp.initialized": report.OK, "mcp.tools": report.OK,
	})
	if l := lineOf(got, "authorization.account"); l.Got != "as ada@example.com" {
		t.Errorf("who: %+v", l)
	}
	if got.Outcome != report.Healthy {
		t.Errorf("outcome %s: %+v", got.Outcome, got.Lines)
	}
	if after := r.demo.Counts(); after != before {
		t.Errorf("it changed something: %+v, then %+v", before, after)
	}
}

func TestRegisterAndSignIn(t *testing.T) {
	r := newRig(t)
	r.config.Register, r.config.SignIn, r.config.UI = true, true, r.person()
	got := doctor.Run(t.Context(), r.config)
	check(t, got)
	want(t, got, map[string]report.Status{"registration.try": report.OK, "authorization.sign_in": report.OK, "authorization.account": report.OK, "mcp.tools": report.OK})
	if c := r.demo.Counts(); c.Registrations != 2 || got.Outcome != report.Healthy { // one to try, one for the sign-in
		t.Errorf("%+v, outcome %s", c, got.Outcome)
	}
}

// Nobody answers, although somebody is signed in.
func TestServerAway(t *testing.T) {
	r := newRig(t)
	r.signIn()
	_ = r.demo.Close()
	got := doctor.Run(t.Context(), r.config)
	if got.Outcome != report.Unreachable {
		t.Errorf("away: %s", got.Outcome)
	}
	check(t, got)
}

// The trace is of use and holds no secret: not the token, nor the code, the
// state, the verifier or the refresh token of the sign-in.
func TestTraceHoldsNoSecret(t *testing.T) {
	r := newRig(t)
	r.config.SignIn = true
	var secrets []string
	person := r.person()
	r.config.UI = credential.UI{Open: func(ctx context.Context, url string) error {
		_, query, _ := strings.Cut(url, "?")
		for _, pair := range strings.Split(query, "&") {
			if name, value, _ := strings.Cut(pair, "="); name == "state" || name == "code_challenge" {
				secrets = append(secrets, value)
			}
		}
		return person.Open(ctx, url)
	}}
	got := doctor.Run(t.Context(), r.config)
	bearer, err := r.account.Bearer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, bearer.Reveal(), strings.Split(bearer.Reveal(), ".")[2])
	var text bytes.Buffer
	if _, err := r.trace.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets {
		if s == "" || strings.Contains(text.String(), s) {
			t.Errorf("it holds %q", s)
		}
	}
	for _, line := range []string{
		"> POST " + r.demo.URL(), "< HTTP/1.1 401 Unauthorized", "< Www-Authenticate: Bearer", "> Authorization: Bearer [redacted]",
		"> code=[redacted]", "> code_verifier=[redacted]", "> grant_type=authorization_code", `"access_token": "[redacted]"`, `"refresh_token": "[redacted]"`,
		`"issuer": "` + r.demo.Issuer() + `"`, `"code_challenge_methods_supported"`, `"method": "tools/list"`,
	} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("it lacks %q", line)
		}
	}
	for _, l := range got.Lines {
		for _, n := range l.Exchanges {
			if !strings.Contains(text.String(), "=== "+strconv.Itoa(n)+"  ") {
				t.Errorf("%s rests on exchange %d, which is not there", l.ID, n)
			}
		}
	}
	if t.Failed() {
		t.Logf("%s", text.String())
	}
}
