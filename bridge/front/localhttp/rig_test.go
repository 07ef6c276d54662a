package localhttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// person is a caller; what is in denied is refused.
type person struct {
	key    string
	denied string
	gone   *atomic.Bool // their credential has ended
}

func (p person) Key() string { return p.key }

func (p person) Good(context.Context) bool { return p.gone == nil || !p.gone.Load() }

func (p person) Permit(_ localhttp.Target, method, name string) localhttp.Refusal {
	if p.denied != "" && (method == p.denied || name == p.denied) {
		return no{http.StatusForbidden, "denied"}
	}
	return nil
}

type no struct {
	status int
	why    string
}

func (n no) Error() string               { return n.why }
func (n no) Write(w http.ResponseWriter) { http.Error(w, n.why, n.status) }

// door admits a request whose bearer is a name.
type door struct {
	denied string
	gone   *atomic.Bool // whoever shows a bearer that ends in "old" is no longer good
}

func (d door) Admit(r *http.Request, _ localhttp.Target) (localhttp.Caller, localhttp.Refusal) {
	name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, no{http.StatusUnauthorized, "who are you"}
	}
	who := person{strings.TrimSuffix(name, " old"), d.denied, nil}
	if strings.HasSuffix(name, " old") {
		who.gone = d.gone
	}
	return who, nil
}

// upstream is a session that does as the method says.
type upstream struct {
	t    *testing.T
	send localhttp.Send

	mu     sync.Mutex
	got    []string
	closed bool
	held   []jsonrpc.Message
	work   sync.WaitGroup
}

func (u *upstream) Receive(m jsonrpc.Message) {
	u.mu.Lock()
	u.got = append(u.got, string(m.Raw))
	u.mu.Unlock()
	if !m.IsRequest() {
		return
	}
	u.work.Go(func() {
		switch m.Method {
		case "notes": // two notifications before the response
			for i := range 2 {
				_ = u.send(m.ID, fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"n","params":%d}`, i))
			}
		case "aside": // something for the standalone stream
			_ = u.send(nil, []byte(`{"jsonrpc":"2.0","method":"aside"}`))
		case "hold", "subscriptions/listen":
			u.mu.Lock()
			u.held = append(u.held, m)
			u.mu.Unlock()
			return
		}
		_ = u.send(m.ID, jsonrpc.NewResult(m.ID, json.RawMessage(`{"of":`+string(m.ID)+`}`)))
	})
}

func (u *upstream) Close(time.Duration) {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.work.Wait()
}

func (u *upstream) saw(text string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return strings.Contains(strings.Join(u.got, "\n"), text)
}

// holds is the id of the first request that is held, when there is one.
func (u *upstream) holds() json.RawMessage {
	u.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		u.mu.Lock()
		held := u.held
		u.mu.Unlock()
		if len(held) > 0 {
			return held[0].ID
		}
	}
	u.t.Fatal("no request is held")
	return nil
}

func (u *upstream) isClosed() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.closed
}

// rig is a server and what it opened.
type rig struct {
	t    *testing.T
	url  string
	http *http.Client

	mu  sync.Mutex
	ups []*upstream
}

func newRig(t *testing.T, change func(*localhttp.Config)) *rig {
	t.Helper()
	r := &rig{t: t}
	cfg := localhttp.Config{
		Guard: door{},
		Open: func(_ context.Context, at localhttp.Target, _ localhttp.Caller, _ bool, send localhttp.Send) (localhttp.Session, error) {
			if at.Server == "unknown" {
				return nil, localhttp.ErrNoServer
			}
			u := &upstream{t: t, send: send}
			r.mu.Lock()
			r.ups = append(r.ups, u)
			r.mu.Unlock()
			return u, nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	s := localhttp.New(cfg)
	server := httptest.NewServer(s)
	r.url = server.URL
	transport := &http.Transport{}
	r.http = &http.Client{Transport: transport}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s.Close(ctx)
		transport.CloseIdleConnections()
		server.Close()
	})
	return r
}

func (r *rig) up(i int) *upstream {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ups[i]
}

type header map[string]string

func (r *rig) do(method, path, body string, h header) *http.Response {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	r.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer ada")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json, text/event-stream")
	for k, v := range h {
		if k == "Host" {
			req.Host = v
		} else if v == "" {
			req.Header.Del(k)
		} else {
			req.Header.Set(k, v)
		}
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (r *rig) open() string {
	r.t.Helper()
	resp := r.do("POST", "/notes/mcp", initialize, nil)
	id := resp.Header.Get("Mcp-Session-Id")
	if resp.StatusCode != 200 || id == "" {
		r.t.Fatalf("initialize: HTTP %d, session %q", resp.StatusCode, id)
	}
	_ = body(r.t, resp)
	return id
}
