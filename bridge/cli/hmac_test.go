package cli_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/credential"
)

// admitted asks a bridge of its own, for as long as the call lasts, about each
// token: an unknown server is 404 for who is let in, and 401 for anybody else.
func admitted(t *testing.T, u *user, tokens ...string) (in []bool) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if r := u.runIn(ctx, "serve", "--socket", socket, "--guard", "hmac", "--audience", "bridge"); r.status != 0 {
			t.Errorf("serve: %v", r)
		}
	})
	defer work.Wait()
	defer stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	for _, token := range tokens {
		for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://bridge/none/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/json")
			resp, err := client.Do(req)
			if err != nil {
				if time.Now().After(end) {
					t.Fatal(err)
				}
				continue
			}
			_ = resp.Body.Close()
			switch resp.StatusCode {
			case http.StatusNotFound:
				in = append(in, true)
			case http.StatusUnauthorized:
				in = append(in, false)
			default:
				t.Fatalf("HTTP %d", resp.StatusCode)
			}
			break
		}
	}
	return in
}

// The secret of --guard hmac in the keychain: without one nothing starts, nobody
// ever sees it, and a new one leaves the one before it in force until it is dropped.
func TestHMACSecretInTheKeychain(t *testing.T) {
	u := newUser(t)
	for _, args := range [][]string{{"serve", "--socket", filepath.Join(t.TempDir(), "s"), "--guard", "hmac", "--audience", "bridge"}, {"mint", "--subject", "ci"}} {
		if r := u.run(args...); r.status == 0 || !strings.Contains(r.stderr, "has no secret") {
			t.Errorf("%v without a secret: %v", args, r)
		}
	}
	if r := u.runWith("0123456789012345678901234567890", "hmac", "set"); r.status == 0 || !strings.Contains(r.stderr, "32 bytes") {
		t.Errorf("31 bytes: %v", r)
	}
	made := u.must("hmac", "generate")
	if r := u.run("hmac", "generate"); r.status == 0 {
		t.Error("a second generate replaces the secret")
	}
	mint := func() string {
		out := u.must("mint", "--subject", "ci", "--audience", "bridge").stdout
		token, _, _ := strings.Cut(out, "\n")
		return token
	}
	first := mint()
	rotated := u.must("hmac", "rotate")
	second := mint()
	if got := fmt.Sprint(admitted(t, u, first, second, first+"x")); got != "[true true false]" {
		t.Errorf("after rotate the first, the second and a wrong token: %s", got)
	}
	u.must("hmac", "forget", "--previous")
	if got := fmt.Sprint(admitted(t, u, first, second)); got != "[false true]" {
		t.Errorf("after forget --previous the first and the second: %s", got)
	}
	status := u.must("hmac", "status")
	current, _, err := u.secrets(t)
	if err != nil || len(current) < 32 {
		t.Fatalf("the keychain has %d bytes, %v", len(current), err)
	}
	for _, r := range []result{made, rotated, status} {
		if strings.Contains(r.stdout+r.stderr, current) {
			t.Errorf("the secret is shown: %v", r)
		}
	}
	own := strings.Repeat("s", 32)
	if r := u.runWith(own+"\n", "hmac", "set"); r.status != 0 {
		t.Errorf("set: %v", r)
	}
	if now, before, _ := u.secrets(t); now != own || before != current {
		t.Error("set did not keep the secret, or not the one before")
	}
	u.must("hmac", "forget")
	if r := u.run("mint", "--subject", "ci"); r.status == 0 {
		t.Error("a token is minted without a secret")
	}
	u.must("audit", "verify")
}

// runWith is run with something on standard input.
func (u *user) runWith(stdin string, args ...string) result {
	u.t.Helper()
	u.stdin = strings.NewReader(stdin)
	defer func() { u.stdin = nil }()
	return u.run(args...)
}

// secrets are what the keychain has for the guard hmac.
func (u *user) secrets(t *testing.T) (current, previous string, err error) {
	t.Helper()
	c, p, err := credential.NewManager(credential.Config{Vault: u.vault}).HMACSecrets(t.Context())
	return c.Reveal(), p.Reveal(), err
}
