package agent

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

// TestSetConnection: what cannot be used is refused and changes nothing; what can
// stands in settings and snapshot, with what was before for who takes it back.
func TestSetConnection(t *testing.T) {
	r := start(t, nil)
	server := config.Server{Name: "hub", URL: "https://hub.example/mcp", TLS: config.TLS{Proxy: "none"}}
	if err := r.AddServer(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	authority, empty := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "empty.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw})
	for file, content := range map[string][]byte{authority: block, empty: []byte("no certificate")} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now := func() control.Connection { return r.server("hub").Connection }
	for _, tt := range []struct {
		change control.ConnectionChange
		says   string
	}{
		{control.ConnectionChange{Proxy: new("ftp://proxy.example:21")}, `"ftp"`},
		{control.ConnectionChange{Proxy: new("http://ada:word@proxy.example:3128")}, "password"},
		{control.ConnectionChange{CAFile: new(filepath.Join(dir, "missing.pem"))}, "cannot be read"},
		{control.ConnectionChange{CAFile: new(empty)}, "no certificate in it"},
		{control.ConnectionChange{CAFile: new("ca.pem")}, "full path"},
	} {
		_, err := r.SetConnection(t.Context(), "hub", tt.change)
		if p := control.ProblemOf(err); p == nil || !strings.Contains(p.What, tt.says) {
			t.Errorf("refused with %+v, want %s", p, tt.says)
		}
		if now() != (control.Connection{Proxy: "none"}) {
			t.Errorf("after a refusal it is %+v", now())
		}
	}

	before, err := r.SetConnection(t.Context(), "hub", control.ConnectionChange{Proxy: new("http://proxy.example:3128"), CAFile: &authority})
	if err != nil || before != (control.Connection{Proxy: "none"}) {
		t.Fatalf("before %+v, %v", before, err)
	}
	if want := (control.Connection{Proxy: "http://proxy.example:3128", CAFile: authority}); now() != want {
		t.Errorf("now %+v", now())
	}
	if _, err := r.SetConnection(t.Context(), "hub", control.ConnectionChange{Proxy: &before.Proxy, CAFile: &before.CAFile}); err != nil || now() != before {
		t.Errorf("taken back: %+v, %v", now(), err)
	}

	if _, err := r.SetConnection(t.Context(), "nobody", control.ConnectionChange{}); !fault.Is(err, fault.UnknownServer) {
		t.Errorf("of nobody: %v", err)
	}
}

// TestNoProxyReadsTokens: a server that is reached in clear text gets no proxy
// from the window.
func TestNoProxyReadsTokens(t *testing.T) {
	r := start(t, nil)
	if err := r.AddServer(t.Context(), config.Server{Name: "plain", URL: "http://plain.example/mcp", AllowHTTP: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.SetConnection(t.Context(), "plain", control.ConnectionChange{Proxy: new("http://proxy.example:3128")}); !fault.Is(err, fault.Usage) {
		t.Errorf("it is set: %v", err)
	}
}
