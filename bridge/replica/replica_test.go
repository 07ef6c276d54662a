package replica_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/replica"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/serve"
	"drawbridge/test/ports"
)

// server is a real redis-server of the test's own.
type server struct {
	t    *testing.T
	dir  string
	port string
	cmd  *exec.Cmd
}

const password = "open sesame"

// startRedis starts one, at the same port each time. Debian's package has it.
func startRedis(t *testing.T) *server {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("DRAWBRIDGE_E2E") == "1" {
			t.Fatal("redis-server is missing; `make test` installs it")
		}
		t.Skip("redis-server is missing; `make test` installs it")
	}
	s := &server{t: t, dir: t.TempDir(), port: ports.Free(t)}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", "--port", s.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir", s.dir, "--requirepass", password)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.wait(func() bool {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+s.port, time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, "redis-server answers")
}

func (s *server) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *server) wait(until func() bool, what string) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); !until(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within a minute: %s", what)
		}
	}
}

func (s *server) open() *serve.Shared {
	s.t.Helper()
	var shared *serve.Shared
	s.wait(func() bool {
		var err error
		shared, err = replica.Open(s.t.Context(), "redis://127.0.0.1:"+s.port, secret.New(password), slog.New(slog.DiscardHandler))
		return err == nil
	}, "a connection")
	s.t.Cleanup(func() { _ = shared.Close() })
	return shared
}

// bridge is one of the replicas.
type bridge struct {
	t   *testing.T
	url string
	mu  sync.Mutex
	got []string // methods that reached a session
}

// echo answers each request with what it was opened with.
type echo struct {
	b      *bridge
	send   localhttp.Send
	opened string
}

func (e *echo) Receive(m jsonrpc.Message) {
	e.b.mu.Lock()
	e.b.got = append(e.b.got, m.Method)
	e.b.mu.Unlock()
	if m.Method == "initialize" {
		e.opened = string(m.Params)
	}
	if m.IsRequest() {
		_ = e.send(m.ID, jsonrpc.NewResult(m.ID, json.RawMessage(fmt.Sprintf(`{"opened":%s}`, e.opened))))
	}
}

func (e *echo) Close(time.Duration) {}

const limit = 30

// newBridge serves with what is shared, and with keys that all bridges know.
func newBridge(t *testing.T, shared *serve.Shared, keys guard.KeyStore) *bridge {
	b := &bridge{t: t}
	ready := make(chan []string, 1)
	c := serve.Config{
		Listen: "127.0.0.1:0", Knows: func(string) bool { return true }, Ready: func(a []string) { ready <- a }, Sessions: shared.Sessions,
		Guard: guard.New(guard.Config{
			Modes: []guard.Mode{guard.NewAPIKeys(keys, nil)}, Denied: shared.Denied,
			Limits: shared.Limits(guard.LimitConfig{PerSubject: limit, Failures: 5}),
		}),
		Open: func(_ context.Context, _ localhttp.Target, _ guard.Caller, _ bool, send localhttp.Send) (localhttp.Session, error) {
			return &echo{b: b, send: send}, nil
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve.Run(ctx, c) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	b.url = (<-ready)[0] + "/notes/mcp"
	return b
}

func (b *bridge) post(key, session, body string) (status int, answer, id string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if session != "" {
		req.Header.Set("Mcp-Session-Id", session)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), resp.Header.Get("Mcp-Session-Id")
}

const (
	initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":{"name":"ada's"}}}`
	list       = `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`
)

func twoBridges(t *testing.T) (s *server, one, two *bridge, key func(client string) (id, text string)) {
	s = startRedis(t)
	keys := guard.NewFileKeys(filepath.Join(t.TempDir(), "keys.json"), nil, nil)
	one, two = newBridge(t, s.open(), keys), newBridge(t, s.open(), keys)
	return s, one, two, func(client string) (string, string) {
		k, text := guard.NewAPIKey(guard.APIKey{Client: client}, time.Now())
		if err := keys.Add(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		return k.ID, text
	}
}

// What is denied at one bridge is refused at the other at once, whoever of them
// has already believed it.
func TestDeniedAtOneIsRefusedAtTheOther(t *testing.T) {
	s, one, two, key := twoBridges(t)
	id, ada := key("ada")
	_, grace := key("grace")
	for _, b := range []*bridge{one, two} {
		for _, k := range []string{ada, grace} {
			if status, body, _ := b.post(k, "", initialize); status != 200 {
				t.Fatalf("HTTP %d %s", status, body)
			}
		}
	}
	if err := s.open().Denied.Deny(t.Context(), guard.Denial{ID: id, Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for _, b := range []*bridge{one, two} {
		if status, body, _ := b.post(ada, "", initialize); status != 401 || !strings.Contains(body, "token has been revoked") {
			t.Errorf("denied: HTTP %d %s", status, body)
		}
		if status, body, _ := b.post(grace, "", initialize); status != 200 {
			t.Errorf("another's: HTTP %d %s", status, body)
		}
	}
}

// A denial is never shortened, what may be used once is used once at all bridges,
// and what was denied by mistake can be allowed again.
func TestDenialsAreKept(t *testing.T) {
	s, _, _, _ := twoBridges(t)
	one, two := s.open().Denied, s.open().Denied
	ctx := t.Context()
	denied := func() bool {
		is, err := two.Denied(ctx, &guard.Identity{Subject: "ada"}, guard.Hash{})
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	for _, until := range []time.Time{{}, time.Now().Add(50 * time.Millisecond)} { // for ever, then for a moment
		if err := one.Deny(ctx, guard.Denial{Subject: "ada", Until: until}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(100 * time.Millisecond)
	if !denied() {
		t.Error("the later denial made the earlier one shorter")
	}
	if found, err := two.Allow(ctx, guard.Denial{Subject: "ada"}); err != nil || !found || denied() {
		t.Errorf("allowed again: found %v, %v, still denied: %v", found, err, denied())
	}
	var used atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			first, err := []guard.Denylist{one, two}[i%2].Once(ctx, guard.Denial{ID: "refresh", Until: time.Now().Add(time.Minute)})
			if err != nil {
				t.Error(err)
			}
			if first {
				used.Add(1)
			}
		})
	}
	all.Wait()
	if n := used.Load(); n != 1 {
		t.Errorf("used %d times", n)
	}
}

// A session that was opened at one bridge goes on at the other, for its caller
// only, until it is ended.
func TestASessionGoesOnElsewhere(t *testing.T) {
	_, one, two, key := twoBridges(t)
	_, ada := key("ada")
	_, grace := key("grace")
	_, _, session := one.post(ada, "", initialize)
	if session == "" {
		t.Fatal("no session")
	}
	if status, body, _ := two.post(grace, session, list); status != 404 {
		t.Errorf("somebody else's: HTTP %d %s", status, body)
	}
	var work sync.WaitGroup
	for i := range 8 { // all at once: one of them opens it
		work.Go(func() {
			status, body, _ := two.post(ada, session, strings.Replace(list, `"id":2`, fmt.Sprintf(`"id":%d`, 10+i), 1))
			if status != 200 || !strings.Contains(body, `"name":"ada's"`) {
				t.Errorf("at the other bridge: HTTP %d %s", status, body)
			}
		})
	}
	work.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, two.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+ada)
	req.Header.Set("Mcp-Session-Id", session)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if status, _, _ := two.post(ada, session, list); resp.StatusCode != 200 || status != 404 {
		t.Errorf("ended with HTTP %d, afterwards: HTTP %d", resp.StatusCode, status)
	}
}

// The limits of a caller and the lock-out of an address are those of all bridges
// together.
func TestLimitsAreShared(t *testing.T) {
	_, one, two, key := twoBridges(t)
	_, ada := key("ada")
	limited := 0
	for i := range 3 * limit { // the minute may end meanwhile: then there are twice as many
		status, _, _ := []*bridge{one, two}[i%2].post(ada, "", initialize)
		if status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited < limit/2 {
		t.Errorf("%d of %d requests were too many, with %d a minute", limited, 3*limit, limit)
	}
	for i := range 5 {
		if status, _, _ := one.post(fmt.Sprint("dbk_wrong_", i), "", initialize); status != 401 {
			t.Fatalf("a wrong key: HTTP %d", status)
		}
	}
	if status, body, _ := two.post("dbk_wrong_again", "", initialize); status != 429 || !strings.Contains(body, "locked_out") {
		t.Errorf("at the other bridge: HTTP %d %s", status, body)
	}
}

// While the store is away nobody is let in, no bridge ends, and all goes on when
// it is back; what was denied is so still.
func TestTheStoreIsAway(t *testing.T) {
	s, one, two, key := twoBridges(t)
	id, ada := key("ada")
	_, grace := key("grace")
	if err := s.open().Denied.Deny(t.Context(), guard.Denial{ID: id}); err != nil {
		t.Fatal(err)
	}
	_, _, session := one.post(grace, "", initialize)
	s.stop()
	for _, b := range []*bridge{one, two} {
		if status, body, _ := b.post(grace, session, list); status != 503 || !strings.Contains(body, "cannot be checked now") {
			t.Errorf("HTTP %d %s", status, body)
		}
	}
	s.start()
	for _, b := range []*bridge{one, two} {
		s.wait(func() bool { status, _, _ := b.post(grace, session, list); return status == 200 }, "the right key is let in again")
		if status, _, _ := b.post(ada, "", initialize); status != 401 {
			t.Errorf("the denied key: HTTP %d", status)
		}
	}
}

// asked counts how often an issuer is asked.
type asked struct {
	mu sync.Mutex
	n  int
}

func (a *asked) Introspect(context.Context, secret.String) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	return []byte(`{"active":true,"sub":"ada"}`), nil
}

// An issuer is asked once for all bridges, and whoever can write to the store
// but has not their secret cannot let anybody in.
func TestAnswersAreShared(t *testing.T) {
	s := startRedis(t)
	issuer, token := &asked{}, secret.New("opaque")
	with := func(mac string) guard.Introspector {
		return guard.NewSharedAnswers(issuer, s.open().Answers, secret.New(mac), time.Minute, nil)
	}
	for range 3 {
		if raw, err := with("one secret").Introspect(t.Context(), token); err != nil || !strings.Contains(string(raw), `"sub":"ada"`) {
			t.Fatal(string(raw), err)
		}
	}
	if issuer.n != 1 {
		t.Errorf("the issuer was asked %d times", issuer.n)
	}
	s.open().Answers.Put(t.Context(), guard.HashOf(token).String(), []byte(strings.Repeat("x", 32)+`{"active":true,"sub":"root"}`), time.Minute)
	if raw, err := with("one secret").Introspect(t.Context(), token); err != nil || strings.Contains(string(raw), "root") || issuer.n != 2 {
		t.Errorf("a forged answer: %s %v", raw, err)
	}
	if _, err := with("another secret").Introspect(t.Context(), token); err != nil || issuer.n != 3 {
		t.Errorf("an answer under another secret was believed: %v", err)
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	for _, address := range []string{"", "http://localhost", "redis://ada:secret@localhost", "redis://127.0.0.1:1"} {
		shared, err := replica.Open(t.Context(), address, secret.String{}, slog.New(slog.DiscardHandler))
		if err == nil {
			t.Error(address, errors.Join(errors.New("is taken"), shared.Close()))
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("it quotes the password: %v", err)
		}
	}
}
