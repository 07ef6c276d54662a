package adopt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/fault"
)

// file writes a stored sign-in's file and returns the sign-in.
func stored(t *testing.T, files map[string]string) *Stored {
	t.Helper()
	s := &Stored{Key: keyOf("x"), Dir: filepath.Join(t.TempDir(), "mcp-remote-v1")}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for end, text := range files {
		if err := os.WriteFile(filepath.Join(s.Dir, s.Key+end), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestStoredFiles reads what several releases wrote.
func TestStoredFiles(t *testing.T) {
	s := stored(t, map[string]string{
		// 0.15.1, as its real run left it; the tokens shortened.
		tokensFile: `{"refresh_token": "rt", "access_token": "at", "token_type": "Bearer", "expires_in": 60, "scope": "mcp:tools",
			"expires_at": 1795200672017, "requested_scope": "mcp:tools openid"}`,
		clientFile: `{"redirect_uris": ["http://localhost:19131/oauth/callback"], "token_endpoint_auth_method": "none", "client_id": "m7i",
			"client_id_issued_at": 1795200609, "client_secret_expires_at": 0, "issuer": "http://127.0.0.1:44011"}`,
	})
	in, err := s.adopted()
	if err != nil {
		t.Fatal(err)
	}
	if in.Tokens.Access.Reveal() != "at" || in.Tokens.Refresh.Reveal() != "rt" || in.Tokens.Scope != "mcp:tools" || strings.Join(in.Scopes, " ") != "mcp:tools openid" ||
		in.Client.ClientID != "m7i" || in.Client.AuthMethod != "none" || !in.Client.SecretExpiresAt.IsZero() || in.Issuers[1] != "http://127.0.0.1:44011" ||
		!in.ExpiresAt.Equal(time.UnixMilli(1795200672017)) || !in.IssuedAt.Equal(time.UnixMilli(1795200612017)) {
		t.Errorf("%+v", in)
	}

	// 0.1: no expires_at.
	s = stored(t, map[string]string{tokensFile: `{"access_token": "at", "expires_in": 3600}`})
	written := time.Now().Add(-30 * time.Minute).Truncate(time.Second)
	if err := os.Chtimes(filepath.Join(s.Dir, s.Key+tokensFile), written, written); err != nil {
		t.Fatal(err)
	}
	if in, err = s.adopted(); err != nil || !in.ExpiresAt.Equal(written.Add(time.Hour)) || !in.IssuedAt.Equal(written) {
		t.Errorf("without expires_at: %+v, %v", in, err)
	}

	for name, files := range map[string]map[string]string{
		"none":        {clientFile: `{"client_id": "c"}`},
		"without any": {tokensFile: `{}`},
	} {
		if in, err := stored(t, files).adopted(); in != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
	}
	for name, files := range map[string]map[string]string{
		"half":          {tokensFile: `{"access_token": "secret-at`},
		"wrong kind":    {tokensFile: `{"access_token": "secret-at", "expires_in": "soon"}`},
		"broken client": {tokensFile: `{"access_token": "secret-at"}`, clientFile: `[`},
	} {
		if in, err := stored(t, files).adopted(); in != nil || err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
	}
}

func TestOldFolders(t *testing.T) {
	for folder, old := range map[string]bool{
		"mcp-remote-v1": false, "mcp-remote-0.1.30": false, "mcp-remote-0.3.2": false, "mcp-remote-0.1.29": true, "mcp-remote-0.1.9": true,
		"mcp-remote-0.0.22": true, "mcp-remote-unknown": false, ".mcp-auth": true,
	} {
		if got := (&Stored{Dir: "/home/ada/.mcp-auth/" + folder}).old(); got != old {
			t.Errorf("%s: old = %v", folder, got)
		}
	}
}

// TestRemove takes the sign-in's files and nothing else.
func TestRemove(t *testing.T) {
	s := stored(t, map[string]string{tokensFile: "{}", "_debug.log": "x"})
	s.Files = []string{filepath.Join(s.Dir, s.Key+tokensFile)}
	theirs := filepath.Join(s.Dir, keyOf("other")+tokensFile)
	outside := filepath.Join(t.TempDir(), "outside")
	for _, path := range []string{theirs, outside} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(s.Dir, s.Key+"_link.json")); err != nil {
		t.Fatal(err)
	}
	if err := s.remove(filepath.Dir(s.Dir)); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(s.Dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Errorf("another's file: %v", err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("what a link leads to: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(s.Dir, s.Key+"_link.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(theirs); err != nil {
		t.Fatal(err)
	}
	if err := s.remove(filepath.Dir(s.Dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(s.Dir)); err == nil {
		t.Error("the empty folders are left")
	}
}

// TestLease: a fresh lease of mcp-remote is waited for, a dead one is not.
// Two find a dead lease. One of them has taken it over when the other comes to take
// it away.
func TestALeaseThatWasTakenOverIsLeftAlone(t *testing.T) {
	s := stored(t, nil)
	path := filepath.Join(s.Dir, s.Key+leaseFile)
	release, err := s.hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	own, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bury(path) {
		t.Error("a lease that is held was taken away")
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, own) {
		t.Errorf("the lease is %q, %v, want %q", now, err, own)
	}
	if left, err := os.ReadDir(s.Dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestLease(t *testing.T) {
	s := stored(t, nil)
	path := filepath.Join(s.Dir, s.Key+leaseFile)
	release, err := s.hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	var lease struct {
		PID   int
		Nonce string
		At    int64
	}
	if err != nil || json.Unmarshal(raw, &lease) != nil || lease.PID != os.Getpid() || lease.Nonce == "" || time.Since(time.UnixMilli(lease.At)) > time.Minute {
		t.Errorf("the lease is %s, %v", raw, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := s.hold(ctx); !fault.Is(err, fault.Storage) {
		t.Errorf("a second holder: %v", err)
	}
	time.AfterFunc(200*time.Millisecond, release)
	second, err := s.hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	release() // too late: it is another's now
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the second holder's lease is gone: %v", err)
	}
	second()
	if _, err := os.Stat(path); err == nil {
		t.Error("the lease is left behind")
	}
	dead := fmt.Sprintf(`{"pid": 1, "nonce": "n", "at": %d}`, time.Now().Add(-time.Minute).UnixMilli())
	for name, text := range map[string]string{"dead": dead, "half": `{"pid`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		earlier := time.Now().Add(-time.Minute)
		if err := os.Chtimes(path, earlier, earlier); err != nil {
			t.Fatal(err)
		}
		release, err := s.hold(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		release()
	}
}
