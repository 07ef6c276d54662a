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

// The server learns who the caller is when the settings say so, and never what
// they showed to the bridge; the record names account, caller and duration.
func TestServeTellsTheServerWhoCalls(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]http.Header{} // by tool
	tool := "plain"
	url := openServer(t, func(w http.ResponseWriter, r *http.Request, _ string, id json.RawMessage) {
		mu.Lock()
		seen[tool] = r.Header.Clone()
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}`, id)
	})
	u := newUser(t)
	u.must("add", "plain", url, "--protocol", "legacy")
	u.must("add", "told", url, "--protocol", "legacy")
	settings, err := os.ReadFile(u.settings())
	if err != nil {
		t.Fatal(err)
	}
	end := strings.LastIndexByte(string(settings), '}')
	changed := strings.TrimRight(string(settings[:end]), " \t\n,") + `, "bridge": {"servers": {"told": {"tellCaller": true}}} }`
	if err := os.WriteFile(u.settings(), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(u.must("key", "create", "Ada's näme%").stdout)
	socket := filepath.Join(t.TempDir(), "s")
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if r := u.runIn(ctx, "serve", "--socket", socket); r.status != 0 {
			t.Errorf("serve: %v", r)
		}
	})
	defer work.Wait()
	defer stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	post := func(server, session, body string) string {
		for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://bridge/"+server+"/mcp", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{
				"Authorization": "Bearer " + key, "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
				"Cookie": "crumb=1", "X-Drawbridge-Subject": "root", "Mcp-Session-Id": session,
			} {
				if value != "" {
					req.Header.Set(name, value)
				}
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
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("HTTP %d %s", resp.StatusCode, raw)
			}
			return resp.Header.Get("Mcp-Session-Id")
		}
	}
	for _, server := range []string{"plain", "told"} {
		session := post(server, "", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`)
		mu.Lock()
		tool = server
		mu.Unlock()
		post(server, session, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"look"}}`)
	}
	if got := seen["plain"].Get("X-Drawbridge-Subject"); got != "" {
		t.Errorf("a server that is told nothing was told %q", got)
	}
	if got := seen["told"].Values("X-Drawbridge-Subject"); len(got) != 1 || got[0] != "Ada's%20n%C3%A4me%25" {
		t.Errorf("the server was told %q", got)
	}
	for server, h := range seen {
		if h.Get("Authorization") != "" || h.Get("Cookie") != "" {
			t.Errorf("%s got the client's own: %v", server, h)
		}
	}
	stop()
	work.Wait()
	u.must("key", "revoke", "Ada's näme%")
	record := u.must("audit", "export").stdout
	for _, want := range []string{`"event":"answered"`, `"account":"default"`, `"method":"tools/call","name":"look"`, `"ms":`, `"event":"revoked"`} {
		if !strings.Contains(record, want) {
			t.Errorf("the record has no %s:\n%s", want, record)
		}
	}
	if strings.Contains(record, key) {
		t.Error("the record has the key")
	}
	u.must("audit", "verify")
}

// What would let in more than was meant does not start.
func TestServeRefusesWhatIsNotSafe(t *testing.T) {
	u := newUser(t)
	for _, tt := range []struct{ args, says string }{
		{"--guard jwt --audience x --issuer http://login.example.com", "not an https address"},
		{"--guard jwt --audience x --issuer https://10.0.0.1", "names a number"},
		{"--guard jwt --audience x --issuer https://login.example.com --jwks-uri http://login.example.com/keys", "not an https address"},
		{"--guard introspection --audience x --introspection-endpoint http://login.example.com/introspect --introspection-client-id c", "not an https address"},
		{"--guard jwt --issuer https://login.example.com", "audience is required"},
		{"--guard none --listen 0.0.0.0:0", "this computer only"},
		{"--listen 0.0.0.0:0", "in clear text"},
		{"--sign-in-client-id x", "there is no issuer"},
		{"--guard jwt --audience x --issuer https://login.example.com --sign-in-scheme cursor", "nothing without --sign-in-client-id"},
		{"--guard jwt --audience x --issuer https://login.example.com --sign-in-client-id x --public-url http://bridge.example.com", "is not https"},
		{"--guard jwt --audience x --issuer https://login.example.com --sign-in-client-id x --public-url https://bridge.example.com/below", "has a path"},
		{"--guard jwt --audience x --issuer https://login.example.com --sign-in-client-id x --sign-in-scheme javascript", "can be no app's"},
	} {
		if r := u.run(append([]string{"serve", "--listen", "127.0.0.1:0"}, strings.Fields(tt.args)...)...); r.status == 0 || !strings.Contains(r.stderr, tt.says) {
			t.Errorf("%s: %v", tt.args, r)
		}
	}
}
