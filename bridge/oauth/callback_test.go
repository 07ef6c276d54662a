package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// visit is what a browser saw.
type visit struct {
	status int
	header http.Header
	body   string
	err    error
}

// longEnough is for what must happen, on the busiest machine too.
const longEnough = time.Minute

// browser makes requests on connections of its own and is over with the test.
type browser struct {
	t    *testing.T
	http *http.Client
}

func newBrowser(t *testing.T) *browser {
	b := &browser{t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: longEnough}}
	t.Cleanup(b.http.CloseIdleConnections)
	return b
}

func (b *browser) get(rawURL string) visit {
	return b.do(http.MethodGet, rawURL, "")
}

func (b *browser) do(method, rawURL, host string) visit {
	req, err := http.NewRequestWithContext(b.t.Context(), method, rawURL, nil)
	if err != nil {
		return visit{err: err}
	}
	req.Host = host
	resp, err := b.http.Do(req)
	if err != nil {
		return visit{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return visit{resp.StatusCode, resp.Header, string(body), err}
}

// goGet visits in the background.
func (b *browser) goGet(rawURL string) <-chan visit {
	seen := make(chan visit, 1)
	go func() { seen <- b.get(rawURL) }()
	return seen
}

func listen(t *testing.T) *Callback {
	t.Helper()
	cb, err := ListenCallback(t.Context(), "127.0.0.1:0", "/callback")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cb.Close() })
	return cb
}

func attemptOf(cb *Callback) *Authorization {
	return &Authorization{State: secret.New("the-state"), Issuer: "https://auth.example.com", RedirectURI: cb.RedirectURI()}
}

type waited struct {
	answer *Answer
	err    error
}

func wait(ctx context.Context, cb *Callback, a *Authorization) <-chan waited {
	done := make(chan waited, 1)
	go func() {
		an, err := cb.Wait(ctx, a)
		done <- waited{an, err}
	}()
	return done
}

func receive[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(longEnough):
		t.Fatalf("%s: nothing within %v", what, longEnough)
		panic("unreachable")
	}
}

func TestCallbackSaysSuccessOnlyAfterFinish(t *testing.T) {
	cb, b := listen(t), newBrowser(t)
	result := wait(t.Context(), cb, attemptOf(cb))
	seen := b.goGet(cb.RedirectURI() + "?code=c%2B1&state=the-state")
	got := receive(t, "Wait", result)
	if got.err != nil || got.answer.Code.Reveal() != "c+1" {
		t.Fatalf("Wait = %+v", got)
	}
	select {
	case v := <-seen:
		t.Fatalf("the browser got a page before Finish: %s", v.body)
	case <-time.After(100 * time.Millisecond):
	}
	got.answer.Finish(Page{OK: true, Title: "Signed in to demo", Text: "You can close this tab."})
	if err := cb.Close(); err != nil { // at once: the page must still arrive
		t.Error(err)
	}
	v := receive(t, "page", seen)
	if v.err != nil || v.status != 200 || !strings.Contains(v.body, "Signed in to demo") || !strings.Contains(v.body, `class="ok"`) {
		t.Errorf("page = %+v", v)
	}
}

// A server that does not know prompt=select_account gets the same browser back
// with another question; only the answer to that one counts.
func TestCallbackAsksAgainWithoutSelectAccount(t *testing.T) {
	cb, b := listen(t), newBrowser(t)
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r := goodRequest()
	r.RedirectURI, r.SelectAccount, r.LoginHint = cb.RedirectURI(), true, "ada@example.com"
	a, err := NewAuthorization(r)
	if err != nil {
		t.Fatal(err)
	}
	result := wait(t.Context(), cb, a)
	refusal := cb.RedirectURI() + "?error=invalid_request&error_description=prompt&state=" + a.State.Reveal()
	v := b.get(refusal + "&iss=https%3A%2F%2Fauth.example.com")
	next, err := url.Parse(v.header.Get("Location"))
	if v.status != http.StatusSeeOther || err != nil || next.Host != "auth.example.com" {
		t.Fatalf("the browser was sent to %q with %d, %v", v.header.Get("Location"), v.status, err)
	}
	q := next.Query()
	if q.Get("prompt") != "login" || q.Get("login_hint") != "ada@example.com" || q.Get("state") == a.State.Reveal() || q.Get("code_challenge") == "" {
		t.Errorf("the second question is %v", q)
	}
	seen := b.goGet(cb.RedirectURI() + "?code=c&state=" + q.Get("state"))
	got := receive(t, "Wait", result)
	if got.err != nil || got.answer.Code.Reveal() != "c" || !got.answer.Authorization.State.Equal(secret.New(q.Get("state"))) {
		t.Fatalf("Wait = %+v", got)
	}
	got.answer.Finish(Page{OK: true, Title: "Signed in"})
	if v := receive(t, "page", seen); v.status != 200 {
		t.Errorf("page = %+v", v)
	}
}

// Another refusal, and one that a stranger sends, ends it as ever.
func TestCallbackDoesNotAskAgain(t *testing.T) {
	for name, answer := range map[string]string{
		"declined":           "error=access_denied",
		"of another issuer":  "error=invalid_request&iss=https%3A%2F%2Fevil.example",
		"the second refusal": "error=invalid_request",
	} {
		cb, b := listen(t), newBrowser(t)
		r := goodRequest()
		r.RedirectURI, r.SelectAccount = cb.RedirectURI(), name != "the second refusal"
		a, err := NewAuthorization(r)
		if err != nil {
			t.Fatal(err)
		}
		result := wait(t.Context(), cb, a)
		if v := b.get(cb.RedirectURI() + "?" + answer + "&state=" + a.State.Reveal()); v.status != 200 {
			t.Errorf("%s: page %+v", name, v)
		}
		if got := receive(t, "Wait", result); got.err == nil {
			t.Errorf("%s: Wait = %+v", name, got)
		}
	}
}

func TestCallbackHeaders(t *testing.T) {
	cb, b := listen(t), newBrowser(t)
	wait(t.Context(), cb, attemptOf(cb))
	v := b.get(cb.RedirectURI() + "?code=c&state=wrong")
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := v.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	_, style, _ := strings.Cut(v.body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if csp := v.header.Get("Content-Security-Policy"); csp != want {
		t.Errorf("Content-Security-Policy: %s, want %s", csp, want)
	}
}

// awaitRegistered waits until somebody waits, so that nothing that comes next is
// taken for an early answer.
func awaitRegistered(t *testing.T, cb *Callback) {
	t.Helper()
	for deadline := time.Now().Add(longEnough); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, pending, _ := cb.find(secret.New("x")); pending {
			return
		}
	}
	t.Fatal("nobody waits")
}

func TestCallbackIgnoresWhatIsNotTheAnswer(t *testing.T) {
	cb, b := listen(t), newBrowser(t)
	result := wait(t.Context(), cb, attemptOf(cb))
	awaitRegistered(t, cb)
	for _, query := range []string{
		"", "?code=evil", "?code=evil&state=", "?code=evil&state=the-state2", "?code=evil&state=THE-STATE",
		"?code=evil&state=the-state&state=the-state", "?error=access_denied", "?code=evil&state=the-state;x", "?code=%zz&state=the-state",
	} {
		v := b.get(cb.RedirectURI() + query)
		if v.status != http.StatusBadRequest || !strings.Contains(v.body, "Not the answer that was awaited") || strings.Contains(v.body, "evil") {
			t.Errorf("%q: %+v", query, v)
		}
	}
	if v := b.do(http.MethodPost, cb.RedirectURI()+"?code=evil&state=the-state", ""); v.status != http.StatusMethodNotAllowed || v.header.Get("Allow") != "GET" {
		t.Errorf("POST: %+v", v)
	}
	if v := b.do(http.MethodHead, cb.RedirectURI()+"?code=evil&state=the-state", ""); v.status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %+v", v)
	}
	for _, path := range []string{"/", "/callback/", "/favicon.ico", "/callback/../callback2"} {
		if v := b.get("http://" + cb.host + path + "?code=evil&state=the-state"); v.status != http.StatusNotFound {
			t.Errorf("%s: %+v", path, v)
		}
	}
	_, port, _ := net.SplitHostPort(cb.host)
	for _, host := range []string{"evil.example", "evil.example:" + port, "localhost:" + port, "127.0.0.1"} {
		if v := b.do(http.MethodGet, cb.RedirectURI()+"?code=evil&state=the-state", host); v.status != http.StatusMisdirectedRequest {
			t.Errorf("Host %s: %+v", host, v)
		}
	}
	select {
	case got := <-result:
		t.Fatalf("the wait ended: %+v", got)
	default:
	}
	seen := b.goGet(cb.RedirectURI() + "?code=good&state=the-state")
	got := receive(t, "Wait", result)
	if got.err != nil || got.answer.Code.Reveal() != "good" {
		t.Errorf("Wait = %+v", got)
	}
	got.answer.Finish(Page{OK: true, Title: "Done"})
	receive(t, "page", seen)
}

func TestCallbackRepeated(t *testing.T) {
	cb, b := listen(t), newBrowser(t)
	result := wait(t.Context(), cb, attemptOf(cb))
	address := cb.RedirectURI() + "?code=first&state=the-state"
	first := b.goGet(address)
	got := receive(t, "Wait", result)
	second := b.goGet(cb.RedirectURI() + "?code=second&state=the-state") // a prefetch, or somebody who knows the state
	time.Sleep(50 * time.Millisecond)
	got.answer.Finish(Page{OK: true, Title: "Signed in"})
	got.answer.Finish(Page{Title: "Not this one"})
	for name, seen := range map[string]<-chan visit{"first": first, "second": second, "reload": b.goGet(address)} {
		if v := receive(t, name, seen); v.status != 200 || !strings.Contains(v.body, "Signed in") {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if got.answer.Code.Reveal() != "first" {
		t.Errorf("code = %q", got.answer.Code.Reveal())
	}
}

func TestCallbackAnswerBeforeWait(t *testing.T) {
	cb, b := listen(t), newBrowser(t)
	seen := b.goGet(cb.RedirectURI() + "?code=early&state=the-state")
	time.Sleep(50 * time.Millisecond)
	got := receive(t, "Wait", wait(t.Context(), cb, attemptOf(cb)))
	if got.err != nil || got.answer.Code.Reveal() != "early" {
		t.Fatalf("Wait = %+v", got)
	}
	got.answer.Finish(Page{OK: true, Title: "Signed in"})
	if v := receive(t, "page", seen); !strings.Contains(v.body, "Signed in") {
		t.Errorf("page = %+v", v)
	}
}

func TestCallbackSecondSignInOnTheSameListener(t *testing.T) {
	cb, b := listen(t), newBrowser(t)
	for _, state := range []string{"one", "two"} {
		a := attemptOf(cb)
		a.State = secret.New(state)
		seen := b.goGet(cb.RedirectURI() + "?code=" + state + "&state=" + state)
		got := receive(t, "Wait", wait(t.Context(), cb, a))
		if got.err != nil || got.answer.Code.Reveal() != state {
			t.Fatalf("Wait = %+v", got)
		}
		got.answer.Finish(Page{OK: true, Title: "Signed in " + state})
		if v := receive(t, "page", seen); !strings.Contains(v.body, "Signed in "+state) {
			t.Errorf("page = %+v", v)
		}
	}
}

func TestCallbackErrorAnswers(t *testing.T) {
	for _, tt := range []struct {
		query      string
		code       fault.Code
		shown, not string
	}{
		{"error=access_denied&error_description=words", fault.SignInRefused, "declined", "words"},
		{"code=c&iss=https://evil.example", fault.Refused, "evil.example", "Signed in"},
		{"error=access_denied&iss=https://evil.example", fault.Refused, "evil.example", "declined"},
	} {
		cb, b := listen(t), newBrowser(t)
		result := wait(t.Context(), cb, attemptOf(cb))
		v := b.get(cb.RedirectURI() + "?state=the-state&" + tt.query)
		got := receive(t, "Wait", result)
		wantFault(t, got.err, tt.code)
		if got.answer != nil || !strings.Contains(v.body, tt.shown) || strings.Contains(v.body, tt.not) || !strings.Contains(v.body, `class="no"`) {
			t.Errorf("%s: %+v, page %s", tt.query, got, v.body)
		}
	}
}

func TestCallbackWaitEnds(t *testing.T) {
	cb, b := listen(t), newBrowser(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := cb.Wait(ctx, attemptOf(cb))
	wantFault(t, err, fault.SignInTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
	if v := b.get(cb.RedirectURI() + "?code=late&state=the-state"); !strings.Contains(v.body, "given up") {
		t.Errorf("a late answer: %+v", v)
	}

	ctx, cancel = context.WithCancel(t.Context())
	result := wait(ctx, cb, attemptOf(cb))
	cancel()
	if got := receive(t, "Wait", result); !errors.Is(got.err, context.Canceled) {
		t.Errorf("after cancelling: %v", got.err)
	}

	result = wait(t.Context(), cb, attemptOf(cb))
	_ = cb.Close()
	if got := receive(t, "Wait", result); !errors.Is(got.err, net.ErrClosed) {
		t.Errorf("after Close: %v", got.err)
	}
}

func TestCallbackCloseIsQuickAndCanBeRepeated(t *testing.T) {
	cb, b := listen(t), newBrowser(t)
	// Browsers open connections ahead of need; they must not hold Close up.
	idle, err := net.Dial("tcp", cb.host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	result := wait(t.Context(), cb, attemptOf(cb))
	seen := b.goGet(cb.RedirectURI() + "?code=c&state=the-state")
	receive(t, "Wait", result) // and nobody calls Finish
	began := time.Now()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { _ = cb.Close() })
	}
	all.Wait()
	// Who waits for the browsers, or for one that says nothing, takes all of it.
	if took := time.Since(began); took > drainTimeout*3/4 {
		t.Errorf("Close took %s", took)
	}
	if v := receive(t, "page", seen); !strings.Contains(v.body, "given up") {
		t.Errorf("page = %+v", v)
	}
	if v := b.get(cb.RedirectURI()); v.err == nil && strings.Contains(v.body, "Not the answer") { // the port may be another program's by now
		t.Error("still listens")
	}
}

func TestListenCallback(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.168.1.1:0", "example.com:0", "127.0.0.1", ""} {
		if cb, err := ListenCallback(t.Context(), addr, "/callback"); err == nil {
			t.Errorf("%q: listens", addr)
			_ = cb.Close()
		}
	}
	if cb, err := ListenCallback(t.Context(), "127.0.0.1:0", "callback"); err == nil {
		t.Error("a path without a slash is taken")
		_ = cb.Close()
	}
	cb := listen(t)
	u, err := url.Parse(cb.RedirectURI())
	if err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" || u.Port() == "0" || u.Path != "/callback" {
		t.Errorf("RedirectURI = %s, %v", cb.RedirectURI(), err)
	}
	if second, err := ListenCallback(t.Context(), u.Host, "/callback"); err == nil {
		t.Error("a port is taken twice")
		_ = second.Close()
	}
}

func TestCallbackCloseRightAfterFinishKeepsThePage(t *testing.T) {
	cb, b := listen(t), newBrowser(t)
	result := wait(t.Context(), cb, attemptOf(cb))
	address := cb.RedirectURI() + "?code=c&state=the-state"
	seen := b.goGet(address)
	receive(t, "Wait", result).answer.Finish(Page{OK: true, Title: "Signed in"})
	_ = cb.Close()
	if v := receive(t, "page", seen); !strings.Contains(v.body, "Signed in") {
		t.Errorf("page = %+v", v)
	}
	// Both are over now, as for a handler that was not quick enough to notice the
	// first: the page must win each time.
	for range 50 {
		if page, _ := cb.outcome(httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)); !page.OK {
			t.Fatalf("page = %+v", page)
		}
	}
}
