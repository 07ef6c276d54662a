package localhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/front/localhttp"
)

const initialize = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`

func TestStatuses(t *testing.T) {
	r := newRig(t, func(c *localhttp.Config) {
		c.Guard = door{denied: "secret-tool"}
		c.Origins = []string{"https://console.example"}
		c.MaxBody, c.KeyHeader = 1000, "X-Team-Key"
	})
	session := r.open()
	with := func(h header) header {
		h["Mcp-Session-Id"] = session
		return h
	}
	ping := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	for _, tt := range []struct {
		name, method, path, body string
		h                        header
		want                     int
	}{
		{"request", "POST", "/notes/mcp", ping, with(header{}), 200},
		{"notification", "POST", "/notes/mcp", `{"jsonrpc":"2.0","method":"x"}`, with(header{}), 202},
		{"response", "POST", "/notes/mcp", `{"jsonrpc":"2.0","id":1,"result":{}}`, with(header{}), 202},
		{"no token", "POST", "/notes/mcp", ping, with(header{"Authorization": ""}), 401},
		{"another caller's session", "POST", "/notes/mcp", ping, with(header{"Authorization": "Bearer eve"}), 404},
		{"another server's session", "POST", "/mail/mcp", ping, with(header{}), 404},
		{"another account's session", "POST", "/notes@work/mcp", ping, with(header{}), 404},
		{"no session", "POST", "/notes/mcp", ping, header{}, 400},
		{"unknown session", "POST", "/notes/mcp", ping, header{"Mcp-Session-Id": "none"}, 404},
		{"unknown server", "POST", "/unknown/mcp", initialize, header{}, 404},
		{"unknown version", "POST", "/notes/mcp", ping, with(header{"Mcp-Protocol-Version": "1999-01-01"}), 400},
		{"foreign host", "POST", "/notes/mcp", ping, with(header{"Host": "evil.example"}), 403},
		{"localhost", "POST", "/notes/mcp", ping, with(header{"Host": "localhost:99"}), 200},
		{"IPv6 loopback", "POST", "/notes/mcp", ping, with(header{"Host": "[::1]:99"}), 200},
		{"foreign origin", "POST", "/notes/mcp", ping, with(header{"Origin": "https://evil.example"}), 403},
		{"opaque origin", "POST", "/notes/mcp", ping, with(header{"Origin": "null"}), 403},
		{"named origin", "POST", "/notes/mcp", ping, with(header{"Origin": "https://console.example"}), 200},
		{"loopback origin", "POST", "/notes/mcp", ping, with(header{"Origin": "http://localhost:3000"}), 200},
		{"token in the address", "POST", "/notes/mcp?access_token=x", ping, with(header{}), 400},
		{"the header's name in the address", "POST", "/notes/mcp?X-Team-Key=x", ping, with(header{}), 400},
		{"an address that readers split in two ways", "POST", "/notes/mcp?a=1;access_token=x", ping, with(header{}), 400},
		{"not JSON", "POST", "/notes/mcp", `{`, with(header{}), 400},
		{"not JSON-RPC", "POST", "/notes/mcp", `{"a":1}`, with(header{}), 400},
		{"empty batch", "POST", "/notes/mcp", `[]`, with(header{}), 400},
		{"initialize in a batch", "POST", "/notes/mcp", `[` + initialize + `]`, header{}, 400},
		{"not application/json", "POST", "/notes/mcp", ping, with(header{"Content-Type": "text/plain"}), 415},
		{"accepts neither", "POST", "/notes/mcp", ping, with(header{"Accept": "text/html"}), 406},
		{"too large", "POST", "/notes/mcp", `{"jsonrpc":"2.0","method":"x","params":"` + strings.Repeat("a", 1000) + `"}`, with(header{}), 413},
		{"tool that is denied", "POST", "/notes/mcp", `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"secret-tool"}}`, with(header{}), 403},
		{"denied in a batch", "POST", "/notes/mcp", `[` + ping + `,{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"secret-tool"}}]`, with(header{}), 403},
		{"denied behind a name that is allowed", "POST", "/notes/mcp", `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"get","Name":"secret-tool"}}`, with(header{}), 400},
		{"denied behind a method that is allowed", "POST", "/notes/mcp", `{"jsonrpc":"2.0","id":4,"method":"ping","Method":"tools/call","params":{"name":"secret-tool"}}`, with(header{}), 400},
		{"a name twice", "POST", "/notes/mcp", `{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"secret-tool","name":"get"}}`, with(header{}), 400},
		{"event that is not kept", "GET", "/notes/mcp", "", with(header{"Last-Event-ID": "9-9"}), 400},
		{"stream as JSON", "GET", "/notes/mcp", "", with(header{"Accept": "application/json"}), 406},
		{"method", "PUT", "/notes/mcp", "", with(header{}), 405},
		{"path", "GET", "/notes", "", with(header{}), 404},
		{"preflight", "OPTIONS", "/notes/mcp", "", header{"Origin": "https://console.example", "Authorization": ""}, 204},
		{"messages of a session that is none", "POST", "/notes/messages?sessionId=" + session, ping, header{}, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := r.do(tt.method, tt.path, tt.body, tt.h)
			if resp.StatusCode != tt.want {
				t.Errorf("HTTP %d, want %d: %.300s", resp.StatusCode, tt.want, body(t, resp))
			}
			if tt.want != 403 && tt.h["Origin"] == "https://console.example" && resp.Header.Get("Access-Control-Allow-Origin") != "https://console.example" {
				t.Error("no CORS for a named origin")
			}
			if tt.name == "preflight" && !strings.Contains(resp.Header.Get("Access-Control-Allow-Headers"), "X-Team-Key") {
				t.Error("a page may not send the header of the settings")
			}
			if resp.Header.Get("Access-Control-Allow-Credentials") != "" || resp.Header.Get("Access-Control-Allow-Origin") == "*" {
				t.Error("CORS is too open")
			}
		})
	}
	if r.up(0).saw("secret-tool") {
		t.Error("what was denied reached the session")
	}
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read before the guard admitted its sender")
	return 0, io.EOF
}

func TestRefusedBeforeTheBodyIsRead(t *testing.T) {
	s := localhttp.New(localhttp.Config{Guard: door{}})
	defer s.Close(context.Background())
	for _, path := range []string{"/notes/mcp", "/notes/messages?sessionId=x"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", path, unread{t})
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/json")
		s.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s: HTTP %d, want 401", path, w.Code)
		}
	}
}

func TestAnswerForms(t *testing.T) {
	r := newRig(t, nil)
	session := r.open()
	h := func(accept string) header { return header{"Mcp-Session-Id": session, "Accept": accept} }
	both := "application/json, text/event-stream"
	for _, tt := range []struct{ name, accept, body, want string }{
		{"response alone is JSON", both, `{"jsonrpc":"2.0","id":1,"method":"x"}`, `{"jsonrpc":"2.0","id":1,"result":{"of":1}}`},
		{
			"with notifications it is a stream", both, `{"jsonrpc":"2.0","id":"a","method":"notes"}`,
			"event: message\nid: 3-1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":0}\n\n" +
				"event: message\nid: 3-2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":1}\n\n" +
				"event: message\nid: 3-3\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"of\":\"a\"}}\n\n",
		},
		{"stream only", "text/event-stream", `{"jsonrpc":"2.0","id":3,"method":"x"}`, "event: message\nid: 4-1\ndata: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"of\":3}}\n\n"},
		{"JSON only", "application/json", `{"jsonrpc":"2.0","id":4,"method":"notes"}`, `{"jsonrpc":"2.0","id":4,"result":{"of":4}}`},
		{"big id", both, `{"jsonrpc":"2.0","id":9007199254740993,"method":"x"}`, `{"jsonrpc":"2.0","id":9007199254740993,"result":{"of":9007199254740993}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// The numbers of streams count POSTs: initialize was the first.
			if got := body(t, r.do("POST", "/notes/mcp", tt.body, h(tt.accept))); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	got := body(t, r.do("POST", "/notes/mcp", `[{"jsonrpc":"2.0","id":1,"method":"x"},{"jsonrpc":"2.0","id":2,"method":"x"},{"jsonrpc":"2.0","method":"n"}]`, h(both)))
	var batch []struct{ ID int }
	if err := json.Unmarshal([]byte(got), &batch); err != nil || len(batch) != 2 || batch[0].ID+batch[1].ID != 3 {
		t.Errorf("batch answered with %s", got)
	}
}

func modern(id, method, extra string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":{` + extra +
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
}

func TestModern(t *testing.T) {
	r := newRig(t, nil)
	h := func(method, name string) header {
		return header{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method, "Mcp-Name": name}
	}
	t.Run("id comes back as it went", func(t *testing.T) {
		got := body(t, r.do("POST", "/notes/mcp", modern("1e0", "x", ""), h("x", "")))
		if got != `{"jsonrpc":"2.0","id":1e0,"result":{"of":1e0}}` {
			t.Errorf("got %s", got)
		}
	})
	t.Run("two clients with one id", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				resp := r.do("POST", "/notes/mcp", modern(`"same"`, "notes", ""), h("notes", ""))
				b, _ := io.ReadAll(resp.Body)
				if n := bytes.Count(b, []byte(`"of":"same"`)); n != 1 || bytes.Count(b, []byte(`"method":"n"`)) != 2 {
					t.Errorf("got %s", b)
				}
			})
		}
		wg.Wait()
	})
	for _, tt := range []struct {
		name, body string
		h          header
		status     int
		want       string
	}{
		{"name in Base64", modern("1", "tools/call", `"name":"täst",`), h("tools/call", "=?base64?dMOkc3Q=?="), 200, `"result"`},
		{"name differs", modern("1", "tools/call", `"name":"a",`), h("tools/call", "b"), 400, "-32020"},
		{"name missing", modern("1", "tools/call", `"name":"a",`), h("tools/call", ""), 400, "-32020"},
		{"method differs", modern("1", "x", ""), h("y", ""), 400, "-32020"},
		{"no version header", modern("1", "x", ""), header{"Mcp-Method": "x"}, 400, "-32020"},
		{"unknown version", strings.Replace(modern("1", "x", ""), "2026-07-28", "2027-01-01", 1), header{"Mcp-Protocol-Version": "2027-01-01", "Mcp-Method": "x"}, 400, "-32022"},
		{"no capabilities", strings.Replace(modern("1", "x", ""), "clientCapabilities", "other", 1), h("x", ""), 400, "-32602"},
		{"no _meta", `{"jsonrpc":"2.0","id":1,"method":"x"}`, h("x", ""), 400, "-32602"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := r.do("POST", "/notes/mcp", tt.body, tt.h)
			if got := body(t, resp); resp.StatusCode != tt.status || !strings.Contains(got, tt.want) {
				t.Errorf("HTTP %d %s, want %d with %s", resp.StatusCode, got, tt.status, tt.want)
			}
		})
	}
	t.Run("a client that goes cancels", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		req, _ := http.NewRequestWithContext(ctx, "POST", r.url+"/notes/mcp", strings.NewReader(modern("5", "hold", "")))
		for k, v := range h("hold", "") {
			if v != "" {
				req.Header.Set(k, v)
			}
		}
		req.Header.Set("Authorization", "Bearer ada")
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		done := make(chan struct{})
		go func() {
			defer close(done)
			if resp, err := r.http.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}()
		wait := func(text string) {
			t.Helper()
			deadline := time.Now().Add(time.Minute)
			for !r.up(0).saw(text) {
				if time.Now().After(deadline) {
					t.Fatalf("%s never came", text)
				}
				time.Sleep(5 * time.Millisecond)
			}
		}
		wait(`"method":"hold"`)
		cancel()
		<-done
		wait(`"method":"notifications/cancelled"`)
	})
}
