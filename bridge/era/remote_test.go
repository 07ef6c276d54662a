package era_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/era"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/secret"
)

type noToken struct{}

func (noToken) Bearer(context.Context) (secret.String, error) { return secret.String{}, nil }

// server is a scripted MCP server; answer gets each message.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	methods []string
}

func newServer(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		raw, _ := io.ReadAll(r.Body)
		m, err := jsonrpc.Parse(raw)
		if err != nil {
			t.Errorf("the server got %q: %v", raw, err)
		}
		s.mu.Lock()
		s.methods = append(s.methods, m.Method)
		s.mu.Unlock()
		answer(w, r, m)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.methods, " ")
}

func (s *server) remote(dir string, p era.Protocol) *era.Remote {
	return era.NewRemote(era.Config{
		Conn: remote.NewConn(remote.Config{URL: s.URL, Bearer: noToken{}}), Endpoint: s.URL, Memory: era.Memory{Dir: dir}, Protocol: p, Name: "test", Version: "0",
	})
}

func writeJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func respond(w http.ResponseWriter, m jsonrpc.Message, result string) {
	writeJSON(w, http.StatusOK, string(jsonrpc.NewResult(m.ID, json.RawMessage(result))))
}

const (
	initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"roots":{"listChanged":true},"tasks":{},"elicitation":{}},"clientInfo":{"name":"c","version":"1"}}}`
	modern     = `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"tasks":{},"x":1.50},"instructions":"i","ttlMs":5,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"2"}}}`
)

// open says initialize and returns the answer, "" for none.
func open(t *testing.T, r *era.Remote) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var got string
	err := r.Open(ctx, []byte(initialize), func(raw []byte) bool { got = string(raw); return true })
	return got, err
}

// What the answer to server/discover makes of a server, and what is remembered
// of it: nothing after a wish for a sign-in or trouble of the server's own.
func TestWhatAServerIsTakenFor(t *testing.T) {
	const failed = `{"jsonrpc":"2.0","id":null,"error":{"code":%,"message":"m","data":{"supported":[§]}}}`
	problem := func(code, supported string) string {
		return strings.NewReplacer("%", code, "§", supported).Replace(failed)
	}
	for name, tt := range map[string]struct {
		status     int
		body       string
		open       era.Era // how the session opens; Unknown: not at all
		remembered era.Era
	}{
		"modern":                     {200, `{"jsonrpc":"2.0","id":"drawbridge-1","result":` + modern + `}`, era.Modern, era.Modern},
		"discover of a legacy one":   {200, `{"jsonrpc":"2.0","id":"drawbridge-1","result":{"supportedVersions":["2025-11-25"]}}`, era.Legacy, era.Legacy},
		"any result":                 {200, `{"jsonrpc":"2.0","id":"drawbridge-1","result":{}}`, era.Legacy, era.Legacy},
		"unknown method":             {200, problem("-32601", ""), era.Legacy, era.Legacy},
		"unknown method, 404":        {404, problem("-32601", ""), era.Legacy, era.Legacy},
		"no session":                 {400, problem("-32000", ""), era.Legacy, era.Legacy},
		"400 without a body":         {400, ``, era.Legacy, era.Legacy},
		"404 with a page":            {404, `<html>`, era.Legacy, era.Legacy},
		"only legacy versions":       {400, problem("-32022", `"2025-06-18"`), era.Legacy, era.Legacy},
		"only newer versions":        {400, problem("-32022", `"2031-01-01"`), era.Unknown, era.Unknown},
		"headers lost":               {400, problem("-32020", ""), era.Legacy, era.Unknown},
		"401":                        {401, ``, era.Unknown, era.Unknown},
		"403":                        {403, problem("-32601", ""), era.Unknown, era.Unknown},
		"429":                        {429, ``, era.Unknown, era.Unknown},
		"503":                        {503, ``, era.Unknown, era.Unknown},
		"500 at what it cannot read": {500, `oops`, era.Legacy, era.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
				if m.Method == "server/discover" {
					writeJSON(w, tt.status, tt.body)
					return
				}
				respond(w, m, `{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"old","version":"1"}}`)
			})
			dir := t.TempDir()
			got, err := open(t, s.remote(dir, era.Auto))
			opened := era.Unknown
			switch {
			case strings.Contains(got, `"old"`):
				opened = era.Legacy
			case strings.Contains(got, `"s"`):
				opened = era.Modern
			}
			if opened != tt.open || (err == nil) != (tt.open != era.Unknown) {
				t.Errorf("opened as %q: %s, %v", opened, got, err)
			}
			if known := (era.Memory{Dir: dir}).Load(s.URL); known != tt.remembered {
				t.Errorf("remembered as %q, want %q", known, tt.remembered)
			}
		})
	}
}

func TestRefusedVersionIsAskedForOnceMore(t *testing.T) {
	n := 0
	s := newServer(t, func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if n++; n == 1 {
			writeJSON(w, 400, `{"jsonrpc":"2.0","id":"drawbridge-1","error":{"code":-32022,"message":"m","data":{"supported":["2026-07-28"]}}}`)
			return
		}
		respond(w, m, modern)
	})
	if got, err := open(t, s.remote(t.TempDir(), era.Auto)); err != nil || n != 2 {
		t.Errorf("after %d requests: %s, %v", n, got, err)
	}
}

// A known server costs no question; one that has changed is asked again.
func TestRememberedEra(t *testing.T) {
	isModern := false
	s := newServer(t, func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		switch {
		case m.Method == "server/discover" && isModern:
			respond(w, m, modern)
		case m.Method == "initialize" && !isModern:
			respond(w, m, `{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"old","version":"1"}}`)
		default:
			writeJSON(w, 400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"m"}}`)
		}
	})
	dir := t.TempDir()
	for _, want := range []string{"server/discover initialize", "server/discover initialize initialize"} {
		if _, err := open(t, s.remote(dir, era.Auto)); err != nil || s.asked() != want {
			t.Fatalf("asked %q, want %q: %v", s.asked(), want, err)
		}
	}
	isModern = true // initialize is refused now
	if got, err := open(t, s.remote(dir, era.Auto)); err != nil || !strings.Contains(got, `"s"`) {
		t.Errorf("after the server has changed: %s, %v", got, err)
	}
	if known := (era.Memory{Dir: dir}).Load(s.URL); known != era.Modern {
		t.Errorf("remembered as %q", known)
	}
	isModern = false
	if got, err := open(t, s.remote(dir, era.Auto)); err != nil || !strings.Contains(got, `"old"`) {
		t.Errorf("after the server has changed back: %s, %v", got, err)
	}
}

func TestProtocolIsObeyed(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		if m.Method == "server/discover" {
			respond(w, m, modern)
			return
		}
		respond(w, m, `{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"old","version":"1"}}`)
	})
	dir := t.TempDir()
	if got, err := open(t, s.remote(dir, era.OnlyLegacy)); err != nil || !strings.Contains(got, `"old"`) || s.asked() != "initialize" {
		t.Errorf("legacy: asked %q, got %s, %v", s.asked(), got, err)
	}
	if got, err := open(t, s.remote(dir, era.OnlyModern)); err != nil || !strings.Contains(got, `"s"`) {
		t.Errorf("modern: %s, %v", got, err)
	}
	if known := (era.Memory{Dir: dir}).Load(s.URL); known != era.Unknown {
		t.Errorf("what was said is remembered as found out: %q", known)
	}
}

func TestLegacyIsRememberedForADay(t *testing.T) {
	now := time.Now()
	m := era.Memory{Dir: t.TempDir(), Now: func() time.Time { return now }}
	for _, e := range []era.Era{era.Legacy, era.Modern} {
		if err := m.Store(string(e), e); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(23 * time.Hour)
	if got := m.Load("legacy"); got != era.Legacy {
		t.Errorf("after 23 hours: %q", got)
	}
	now = now.Add(2 * time.Hour)
	if got := m.Load("legacy"); got != era.Unknown {
		t.Errorf("after 25 hours: %q", got)
	}
	if got := m.Load("modern"); got != era.Modern {
		t.Errorf("modern after 25 hours: %q", got)
	}
}

func TestInitializeResultOfAModernServer(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) { respond(w, m, modern) })
	got, err := open(t, s.remote(t.TempDir(), era.Auto))
	want := `{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true},"x":1.50},"serverInfo":{"name":"s","version":"2"},"instructions":"i"}}`
	if err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

// A legacy client's call as a modern server gets it, and the result as the
// client does: with all that neither era changes byte for byte.
func TestCallIsTranslated(t *testing.T) {
	const state = `"s\u0074ate \ud83d\ude00"`
	var bodies []string
	s := newServer(t, func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		switch m.Method {
		case "server/discover":
			respond(w, m, modern)
		case "tools/list":
			respond(w, m, `{"tools":[{"name":"t","inputSchema":{"properties":{"n":{"type":"integer","x-mcp-header":"N"}}}}]}`)
		case "tools/call":
			bodies = append(bodies, string(m.Params))
			if r.Header.Get("Mcp-Name") != "t" || r.Header.Get("Mcp-Param-N") != "9007199254740993" || r.Header.Get("Mcp-Protocol-Version") != "2026-07-28" {
				t.Errorf("headers: %v", r.Header)
			}
			if len(bodies) == 1 {
				respond(w, m, `{"resultType":"input_required","inputRequests":{"k\u00e9":{"method":"elicitation/create","params":{"message":"?","n":1.0}}},"requestState":`+state+`}`)
				return
			}
			respond(w, m, `{"resultType":"complete","content":[],"structuredContent":{"n":1e400},"ttlMs":1}`)
		default:
			t.Errorf("the server got %s", m.Method)
		}
	})
	r := s.remote(t.TempDir(), era.Auto)
	if _, err := open(t, r); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var asked, got string
	err := r.Post(ctx, []byte(`{"jsonrpc":"2.0","id":1.5,"method":"tools/call","params":{"name":"t","arguments":{"n":9007199254740993,"x":1.0},"_meta":{"progressToken":7},"task":{}}}`), func(raw []byte) bool {
		m, err := jsonrpc.Parse(raw)
		if err != nil {
			t.Error(err)
		}
		if m.IsRequest() {
			asked = m.Method + string(m.Params)
			go func() {
				_ = r.Post(ctx, jsonrpc.NewResult(m.ID, json.RawMessage(`{"action":"accept","content":{"a":1.0}}`)), nil)
			}()
			return false
		}
		got = string(raw)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := `elicitation/create{"message":"?","n":1.0}`; asked != want {
		t.Errorf("the client was asked %s, want %s", asked, want)
	}
	if want := `{"jsonrpc":"2.0","id":1.5,"result":{"content":[],"structuredContent":{"n":1e400}}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	const meta = `"_meta":{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"roots":{}}}}`
	want := []string{
		`{"name":"t","arguments":{"n":9007199254740993,"x":1.0},` + meta,
		`{"name":"t","arguments":{"n":9007199254740993,"x":1.0},"inputResponses":{"k\u00e9":{"action":"accept","content":{"a":1.0}}},"requestState":` + state + `,` + meta,
	}
	for i := range want {
		if i >= len(bodies) || bodies[i] != want[i] {
			t.Errorf("round %d:\n%s\nwant\n%s", i, bodies[i], want[i])
		}
	}
}

// A cancelled call closes its stream, and the client gets no answer to it.
func TestCancelledCallClosesItsStream(t *testing.T) {
	closed := make(chan struct{})
	s := newServer(t, func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		switch m.Method {
		case "server/discover":
			respond(w, m, modern)
		case "tools/list":
			respond(w, m, `{"tools":[{"name":"t"}]}`)
		case "tools/call":
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			close(closed)
		default:
			t.Errorf("the server got %s", m.Method)
		}
	})
	r := s.remote(t.TempDir(), era.Auto)
	if _, err := open(t, r); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- r.Post(ctx, []byte(`{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t"}}`), func(raw []byte) bool {
			t.Errorf("the client got %s", raw)
			return true
		})
	}()
	for s.asked() != "server/discover tools/list tools/call" {
		time.Sleep(5 * time.Millisecond)
	}
	if err := r.Post(ctx, []byte(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"\u0061"}}`), nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Fatal("the stream is still open")
	}
	cancel() // as a session does, some time after
	if err := <-ended; err == nil {
		t.Error("the cancelled call came to a good end")
	}
}

// A modern client's first request shows that a server is no longer modern: the
// next process asks again.
func TestServerThatIsModernNoLongerIsForgotten(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
		writeJSON(w, 400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"No valid session ID"}}`)
	})
	dir := t.TempDir()
	if err := (era.Memory{Dir: dir}).Store(s.URL, era.Modern); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	r := s.remote(dir, era.Auto)
	if known, err := r.Era(ctx); known != era.Modern || err != nil || s.asked() != "" {
		t.Fatalf("Era = %q, %v, after %q", known, err, s.asked())
	}
	if err := r.Post(ctx, []byte(`{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{`+meta+`}}`), func([]byte) bool { return true }); err == nil {
		t.Error("no error")
	}
	if known := (era.Memory{Dir: dir}).Load(s.URL); known != era.Unknown {
		t.Errorf("remembered as %q", known)
	}
}
