package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStdioComforts: hidden tools, headers of a file that changes, a limit to
// calls, all by options of stdio.
func TestStdioComforts(t *testing.T) {
	t.Parallel()
	url := openServer(t, func(w http.ResponseWriter, r *http.Request, method string, id json.RawMessage) {
		w.Header().Set("Content-Type", "application/json")
		switch method {
		case "tools/list":
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"read"},{"name":"Delete_all"}]}}`, id)
		case "wait":
			<-r.Context().Done()
		default:
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"key":%q,"auth":%q}}`, id, r.Header.Get("X-Api-Key"), r.Header.Get("Authorization"))
		}
	})
	file := filepath.Join(t.TempDir(), "headers")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# keys\r\nX-Api-Key: one\r\n\nAuthorization: Basic abc\n")
	b := startBridge(t, url, nil, "--ignore-tool", "delete*", "--header-file", file)
	b.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	if got := b.line(); !strings.Contains(got, `"tools":[{"name":"read"}]`) {
		t.Errorf("tools: %s", got)
	}
	b.send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"delete_ALL"}}`)
	if got := b.line(); !strings.Contains(got, "Unknown tool") {
		t.Errorf("a hidden tool: %s", got)
	}
	b.send(`{"jsonrpc":"2.0","id":3,"method":"x"}`)
	if got := b.line(); !strings.Contains(got, `"key":"one","auth":"Basic abc"`) {
		t.Errorf("headers: %s", got)
	}
	write("X-Api-Key: another\n")
	deadline := time.Now().Add(patience)
	for {
		b.send(`{"jsonrpc":"2.0","id":4,"method":"x"}`)
		got := b.line()
		if strings.Contains(got, `"key":"another","auth":""`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a changed file is not read: %s", got)
		}
		time.Sleep(50 * time.Millisecond)
	}
	// Longer than the server may take for the handshake on a machine that is busy.
	b = startBridge(t, url, nil, "--timeout", "5s")
	b.send(`{"jsonrpc":"2.0","id":5,"method":"wait"}`)
	if got := b.line(); !strings.Contains(got, `"id":5,"error"`) || !strings.Contains(got, "not answered for 5s") {
		t.Errorf("a call without an answer: %s", got)
	}
}
