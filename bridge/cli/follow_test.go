package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// withBridge puts the "bridge" part into the settings, in place of what was there.
func (u *user) withBridge(bridge string) {
	u.t.Helper()
	raw, err := os.ReadFile(u.settings())
	if err != nil {
		u.t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(raw), `, "bridge":`)
	end := strings.LastIndexByte(before, '}')
	if before == string(raw) {
		before = strings.TrimRight(before[:end], " \t\n,")
	}
	if err := os.WriteFile(u.settings(), []byte(before+`, "bridge": `+bridge+` }`), 0o600); err != nil {
		u.t.Fatal(err)
	}
}

// A bridge that runs goes by the rules and exchanges of the settings as they are,
// also for who has a session already, and not by settings that cannot be used.
func TestServeFollowsTheSettings(t *testing.T) {
	url := openServer(t, func(w http.ResponseWriter, _ *http.Request, _ string, id json.RawMessage) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}`, id)
	})
	u := newUser(t)
	u.must("add", "plain", url, "--protocol", "legacy")
	u.withBridge(`{}`)
	key := strings.TrimSpace(u.must("key", "create", "ada").stdout)
	socket := filepath.Join(t.TempDir(), "s")
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	bridge := *u
	bridge.watch = &said{}
	work.Go(func() {
		if r := bridge.runIn(ctx, "serve", "--socket", socket); r.status != 0 {
			t.Errorf("serve: %v", r)
		}
	})
	defer work.Wait()
	defer stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	post := func(session, method string) (status int, body, id string) {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://bridge/plain/mcp",
				strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":{"name":"look","protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{"Authorization": "Bearer " + key, "Content-Type": "application/json", "Accept": "application/json, text/event-stream"} {
				req.Header.Set(name, value)
			}
			if session != "" {
				req.Header.Set("Mcp-Session-Id", session)
			}
			resp, err := client.Do(req)
			if err != nil && time.Now().Before(end) {
				continue // it has not begun to serve
			}
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			return resp.StatusCode, string(raw), resp.Header.Get("Mcp-Session-Id")
		}
	}
	_, _, session := post("", "initialize")
	// becomes waits until a call is answered so.
	becomes := func(what, session, method string, want int, says string) {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			status, body, _ := post(session, method)
			if status == want && strings.Contains(body, says) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: HTTP %d %s, want %d with %q", what, status, body, want, says)
			}
		}
	}
	becomes("without rules", session, "tools/call", 200, `"content"`)
	u.withBridge(`{"rules": [{"clients": ["ada"], "methods": ["tools/list"]}]}`)
	becomes("with a rule", session, "tools/call", 403, "insufficient_scope")
	u.withBridge(`{"rules": [{"clients": ["ada"], "methods": ["["]}]}`)
	bridge.watch.until(t, "cannot be used; the bridge goes on with those before")
	becomes("with a rule that is none", session, "tools/call", 403, "insufficient_scope")
	u.withBridge(`{"rules": [{"clients": ["ada"]}]}`)
	becomes("with another rule", session, "tools/call", 200, `"content"`)
	u.withBridge(`{"rules": [{"clients": ["ada"], "methods": ["tools/list"]}]}`)
	becomes("with the first rule", session, "tools/call", 403, "insufficient_scope")
	whole, err := os.ReadFile(u.settings())
	if err != nil {
		t.Fatal(err)
	}
	// As an editor leaves it for a moment, and a full disk for longer.
	for what, leave := range map[string]func() error{
		"empty": func() error { return os.WriteFile(u.settings(), nil, 0o600) },
		"gone":  func() error { return os.Remove(u.settings()) },
	} {
		bridge.watch.forget()
		if err := leave(); err != nil {
			t.Fatal(err)
		}
		bridge.watch.until(t, "cannot be used; the bridge goes on with those before")
		becomes("with a file that is "+what, session, "tools/call", 403, "insufficient_scope")
		if err := os.WriteFile(u.settings(), whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u.withBridge(`{"rules": [{"clients": ["ada"]}]}`)
	becomes("with another rule again", session, "tools/call", 200, `"content"`)
	if r := u.run("exchange", "set", "plain", "--issuer", "http://127.0.0.1:1", "--client-id", "bridge", "--resource", url); r.status != 0 {
		t.Fatal(r)
	}
	// The session with the signed-in account is over, and a key has nothing to exchange.
	becomes("with an exchange", session, "tools/call", 404, "Session not found")
	becomes("with an exchange", "", "initialize", 502, "an API key cannot")
	u.must("exchange", "off", "plain")
	becomes("without it again", "", "initialize", 200, `"protocolVersion"`)
}
