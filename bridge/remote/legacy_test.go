package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

// oldServer speaks HTTP+SSE: what the method says is done.
type oldServer struct {
	endpoint string // data of the endpoint event; "" is its own
	post     int    // status of the POST of initialize at the stream's address

	mu      sync.Mutex
	streams map[string]chan string
	opened  int
	tokens  []string
	over    chan struct{} // told of each stream that has ended; nil: nobody is
	took    func()        // told of each message; nil: nobody is
}

func (o *oldServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.tokens = append(o.tokens, r.Method+" "+r.Header.Get("Authorization"))
	o.mu.Unlock()
	switch {
	case r.URL.Path == "/sse" && r.Method == http.MethodGet:
		o.serve(w, r)
	case r.URL.Path == "/messages":
		o.take(w, r)
	default:
		w.WriteHeader(o.post)
	}
}

func (o *oldServer) serve(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.opened++
	id := fmt.Sprint(o.opened)
	say := make(chan string, 100)
	if o.streams == nil {
		o.streams = map[string]chan string{}
	}
	o.streams[id] = say
	endpoint := o.endpoint
	o.mu.Unlock()
	if o.over != nil {
		defer func() { o.over <- struct{}{} }()
	}
	if endpoint == "" {
		endpoint = "/messages?session=" + id
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprintf(w, "event: endpoint\ndata: %s\n\n", endpoint)
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case text := <-say:
			if text == "end" {
				return
			}
			_, _ = fmt.Fprintf(w, "event: message\ndata: %s\n\n", text)
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func (o *oldServer) take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m, err := jsonrpc.Parse(body)
	o.mu.Lock()
	say := o.streams[r.URL.Query().Get("session")]
	o.mu.Unlock()
	if say == nil || err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	if o.took != nil {
		o.took()
	}
	switch {
	case m.Method == "vanish":
		say <- "end"
	case m.Method == "progress":
		say <- `{"jsonrpc":"2.0","method":"notifications/progress"}`
		say <- string(jsonrpc.NewResult(m.ID, []byte(`{}`)))
	case m.IsRequest() && m.Method != "silent":
		say <- string(jsonrpc.NewResult(m.ID, []byte(`{"of":`+string(m.ID)+`}`)))
	}
}

func (o *oldServer) said() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.tokens, ", ")
}

func dialOld(t *testing.T, o *oldServer) remote.Config {
	t.Helper()
	s := httptest.NewServer(o)
	client := remote.NewHTTP()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		s.CloseClientConnections()
		s.Close()
	})
	return remote.Config{URL: s.URL + "/sse", Bearer: token{}, HTTP: client}
}

// line is a transport; both kinds have these.
type line interface {
	Open(ctx context.Context, raw []byte, deliver remote.Deliver) error
	Post(ctx context.Context, raw []byte, deliver remote.Deliver) error
	Listen(ctx context.Context, opened func(), deliver func(raw []byte)) error
	Delete(ctx context.Context, limit time.Duration)
}

func request(id, method string) []byte {
	return jsonrpc.NewRequest([]byte(id), method, nil)
}

// ask posts a request and returns what was delivered.
func askOld(l line, post func(context.Context, []byte, remote.Deliver) error, id, method string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var got []string
	err := post(ctx, request(id, method), func(raw []byte) bool {
		got = append(got, string(raw))
		return true
	})
	return strings.Join(got, " "), err
}

func TestLegacyAnswers(t *testing.T) {
	for _, kind := range []string{"legacy", "auto after 405", "auto after 404", "auto after 400"} {
		t.Run(kind, func(t *testing.T) {
			o := &oldServer{post: 405}
			_, _ = fmt.Sscanf(kind, "auto after %d", &o.post)
			cfg := dialOld(t, o)
			var l line = remote.NewLegacy(cfg)
			if kind != "legacy" {
				l = remote.NewAuto(cfg)
			}
			defer l.Delete(context.Background(), time.Second)
			if got, err := askOld(l, l.Open, "0", "initialize"); err != nil || got != `{"jsonrpc":"2.0","id":0,"result":{"of":0}}` {
				t.Fatalf("initialize: %s, %v", got, err)
			}
			heard, listens := make(chan string, 10), make(chan struct{})
			ctx, cancel := context.WithCancel(context.Background())
			listened := make(chan error, 1)
			go func() {
				listened <- l.Listen(ctx, func() { close(listens) }, func(raw []byte) { heard <- string(raw) })
			}()
			<-listens
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					id := fmt.Sprintf("\"%d\"", i)
					if got, err := askOld(l, l.Post, id, "x"); err != nil || !strings.Contains(got, `{"of":`+id+`}`) {
						t.Errorf("%s: %s, %v", id, got, err)
					}
				})
			}
			wg.Wait()
			if _, err := askOld(l, l.Post, "1", "progress"); err != nil {
				t.Error(err)
			}
			select {
			case got := <-heard: // before the response, or this would have to wait
				if !strings.Contains(got, "progress") {
					t.Errorf("heard %s", got)
				}
			default:
				t.Error("the notification did not come before the response")
			}
			if err := l.Post(context.Background(), jsonrpc.NewNotification("n"), nil); err != nil {
				t.Errorf("notification: %v", err)
			}
			cancel()
			if err := <-listened; !errors.Is(err, context.Canceled) {
				t.Errorf("Listen = %v", err)
			}
			for _, seen := range strings.Split(o.said(), ", ") {
				if !strings.HasSuffix(seen, "Bearer t0ken") {
					t.Errorf("without a token: %q", seen)
				}
			}
		})
	}
}

func TestLegacyStreamEnds(t *testing.T) {
	o := &oldServer{}
	l := remote.NewLegacy(dialOld(t, o))
	defer l.Delete(context.Background(), time.Second)
	if _, err := askOld(l, l.Open, "0", "initialize"); err != nil {
		t.Fatal(err)
	}
	listened := make(chan error, 1)
	go func() { listened <- l.Listen(context.Background(), func() {}, func([]byte) {}) }()
	waiting := make(chan error, 1)
	go func() {
		_, err := askOld(l, l.Post, "1", "silent")
		waiting <- err
	}()
	time.Sleep(50 * time.Millisecond) // so that it waits already; sooner makes it a call that was not sent
	if _, err := askOld(l, l.Post, "2", "vanish"); !errors.Is(err, remote.ErrNoAnswer) {
		t.Errorf("the call that ended the stream: %v, want ErrNoAnswer", err)
	}
	if err := <-waiting; !errors.Is(err, remote.ErrNoAnswer) && !errors.Is(err, remote.ErrGone) {
		t.Errorf("the call beside it: %v, want ErrNoAnswer", err)
	}
	if err := <-listened; !errors.Is(err, remote.ErrGone) {
		t.Errorf("Listen = %v, want ErrGone", err)
	}
	if _, err := askOld(l, l.Post, "3", "x"); !errors.Is(err, remote.ErrGone) || errors.Is(err, remote.ErrNoAnswer) {
		t.Errorf("a call afterwards: %v, want ErrGone: it was not sent", err)
	}
	if got, err := askOld(l, l.Open, "4", "initialize"); err != nil || got == "" {
		t.Errorf("opened again: %s, %v", got, err)
	}
}

func TestLegacyRefusesForeignEndpoints(t *testing.T) {
	foreign := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other origin got %s with %q", r.Method, r.Header.Get("Authorization"))
	}))
	defer foreign.Close()
	for _, endpoint := range []string{foreign.URL + "/messages", "//evil.example/messages", "http://u:p@127.0.0.1/x", "javascript:alert(1)"} {
		l := remote.NewLegacy(dialOld(t, &oldServer{endpoint: endpoint}))
		if _, err := askOld(l, l.Open, "0", "initialize"); !errors.Is(err, remote.ErrForeignEndpoint) {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// A server that speaks neither transport is reported by the newer one's answer.
func TestAutoKeepsTheNewTransportsError(t *testing.T) {
	c, s := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}`)
	}))
	_ = c
	client := remote.NewHTTP()
	defer client.CloseIdleConnections()
	a := remote.NewAuto(remote.Config{URL: s.URL, Bearer: token{}, HTTP: client})
	_, err := askOld(a, a.Open, "0", "initialize")
	var status *remote.StatusError
	if !errors.As(err, &status) || status.Status != 400 || a.IsLegacy() {
		t.Errorf("got %v, legacy %v", err, a.IsLegacy())
	}
}

// The words of a server of 2026-07-28 are no reason to try the oldest transport.
func TestAutoDoesNotFallBackFromAModernServer(t *testing.T) {
	_, s := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			t.Error("the stream of 2024 was asked for")
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32022,"message":"version","data":{"supported":["2026-07-28"]}}}`)
	}))
	client := remote.NewHTTP()
	defer client.CloseIdleConnections()
	a := remote.NewAuto(remote.Config{URL: s.URL, Bearer: token{}, HTTP: client})
	if _, err := askOld(a, a.Open, "0", "initialize"); err == nil {
		t.Error("no error")
	}
}

// Who hears the answer says the next thing at once, by the transport that it came by.
func TestAutoKnowsTheTransportWithTheAnswer(t *testing.T) {
	o := &oldServer{post: http.StatusMethodNotAllowed}
	a := remote.NewAuto(dialOld(t, o))
	defer a.Delete(context.Background(), time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := a.Open(ctx, request("0", "initialize"), func([]byte) bool {
		if !a.IsLegacy() {
			t.Error("the transport of the answer is not the one in use")
		}
		if err := a.Post(ctx, jsonrpc.NewNotification("notifications/initialized"), nil); err != nil {
			t.Errorf("initialized: %v", err)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A session that was not opened has no stream that nobody would end.
func TestLegacyEndsTheStreamOfASessionThatIsNone(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := &oldServer{post: http.StatusMethodNotAllowed, over: make(chan struct{}, 10), took: cancel}
	a := remote.NewAuto(dialOld(t, o))
	if err := a.Open(ctx, request("0", "silent"), func([]byte) bool { return true }); err == nil {
		t.Error("opened without an answer")
	}
	select {
	case <-o.over:
	case <-time.After(time.Minute):
		t.Error("the stream goes on")
	}
}

// Beside a handshake a call finds no stream: the new one's session has not been told
// `initialized` yet.
func TestACallFindsNoStreamBeforeTheHandshakesEnd(t *testing.T) {
	l := remote.NewLegacy(dialOld(t, &oldServer{}))
	defer l.Delete(context.Background(), time.Second)
	deliver := func([]byte) bool { return true }
	if err := l.Open(t.Context(), []byte(ask), deliver); err != nil {
		t.Fatal(err)
	}
	for _, done := range []bool{false, true} { // one that comes to nothing, and one that is done
		var h remote.Handshake
		ctx := remote.WithHandshake(t.Context(), &h)
		if err := l.Open(ctx, []byte(ask), deliver); err != nil {
			t.Fatal(err)
		}
		if err := l.Post(t.Context(), []byte(ask), deliver); !errors.Is(err, remote.ErrGone) {
			t.Errorf("a call beside it: %v", err)
		}
		if err := l.Post(ctx, []byte(ask), deliver); err != nil {
			t.Errorf("what is of it: %v", err)
		}
		if done {
			h.Done()
		}
	}
	if err := l.Post(t.Context(), []byte(ask), deliver); err != nil {
		t.Errorf("a call after it: %v", err)
	}
}
