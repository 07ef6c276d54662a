package test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/test/harness"
	"drawbridge/test/ports"
)

const clientSecret = "a-secret-of-the-bridge-at-the-provider"

// companyProvider registers nobody and knows the bridge at an address.
func companyProvider(rig *harness.Rig, address string, opaque bool, ttl time.Duration) *harness.Provider {
	return rig.StartProvider(harness.ProviderOptions{Opaque: opaque, AccessTTL: ttl, Client: map[string]any{
		"client_id": "the-bridge", "client_secret": clientSecret, "redirect_uris": []string{"http://" + address + "/oauth/callback"},
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}, "token_endpoint_auth_method": "client_secret_basic",
		"application_type": "native",
	}})
}

// brokered is a bridge in front of a provider that registers nobody and knows it
// as its one client.
func brokered(t *testing.T, opaque bool, ttl time.Duration, args ...string) *issuedBridge {
	t.Helper()
	rig := harness.New(t)
	address := ports.FreeAddress(t)
	b := &issuedBridge{Rig: rig, t: t, issuer: companyProvider(rig, address, opaque, ttl)}
	b.serveAt(address, []string{"DRAWBRIDGE_SIGN_IN_SECRET=" + clientSecret, "DRAWBRIDGE_INTROSPECTION_SECRET=" + clientSecret}, append([]string{
		"--sign-in-client-id", "the-bridge", "--require-scope", "mcp:tools", "--sign-in-resource", "http://" + address + "/plain/mcp", "--token-cache", "1s", "--leeway", "0s",
	}, args...)...)
	b.SetThrough(b.issuer.Issuer)
	return b
}

// TestServeSignIn: clients that have to register, a provider that registers
// nobody, and the bridge between them. The official SDK and drawbridge itself
// sign in, call, and renew.
func TestServeSignIn(t *testing.T) {
	t.Parallel()
	// Tokens of a sign-in have a short life, those of a renewal a long one: how often
	// one is renewed does not depend on how slow the machine is.
	const life = 5 * time.Second
	b := brokered(t, false, life, "--guard", "jwt")
	live := func(d time.Duration) { b.issuer.Order(map[string]any{"do": "ttl", "seconds": d.Seconds()}) }
	line := harness.StartScriptEnv(t, []string{"DRAWBRIDGE_TEST_WAIT=6"}, "oauth-client.mjs", b.url, b.issuer.Issuer)
	var got struct {
		Tools, Errors []string
		First, Second string
		Screens       [][]string
		Issuer        string
		Tokens        int
		Looked        int
		Axe           []string
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("it said %q: %v", line, err)
	}
	base := strings.TrimSuffix(b.url, "/plain/mcp")
	if len(got.Errors) > 0 || got.First != "Echo: before" || got.Second != "Echo: after" || len(got.Tools) < 5 || got.Issuer != base || got.Tokens != 2 {
		t.Errorf("the SDK: %+v", got)
	}
	if got.Looked != 1 || len(got.Axe) > 0 {
		t.Errorf("axe looked at %d pages, want the one that asks, and found %q", got.Looked, got.Axe)
	}
	const asks = "Let “The SDK” sign in as you?"
	if len(got.Screens) != 2 || !slices.Contains(got.Screens[0], asks) || slices.Contains(got.Screens[1], asks) {
		t.Errorf("the person was shown %q; the page that asks comes once for a client and a browser", got.Screens)
	}
	counts := b.issuer.Counts()
	if counts.Registrations != 0 || counts.WithoutPKCE != 0 || counts.WithoutResource != 0 || counts.Refreshes != 1 || counts.SignIns != 2 {
		t.Errorf("the provider: %+v", counts)
	}
	live(life)
	token := b.signIn()
	live(lasting)
	if strings.Count(token, ".") != 2 {
		t.Error("drawbridge did not get the provider's own token")
	}
	time.Sleep(life + time.Second)
	again, err := b.RunClient(harness.Client{Command: []string{b.Binary(), "stdio", "via"}, Env: b.ClientEnv(), Calls: []string{`echo={"message":"through two"}`}})
	if err != nil || len(again.Failures()) > 0 || again.Calls()[0].Text != "Echo: through two" {
		t.Errorf("through drawbridge stdio: %v %v", again, err)
	}
	if after := b.issuer.Counts(); after.Refreshes < 2 {
		t.Errorf("drawbridge did not renew through the bridge: %+v", after)
	}
	b.MustRun("doctor", "via") // its status says that nothing is red
	if out := b.MustRun("logout", "via"); b.issuer.Counts().Revocations == 0 {
		t.Errorf("signing out did not reach the provider: %s", out)
	}
	if audit := b.MustRun("audit", "export").Stdout; !strings.Contains(audit, "signed_in") || !strings.Contains(audit, "refreshed") || !strings.Contains(audit, "ada") {
		t.Errorf("the record: %s", audit)
	}
}

// TestServeSignInOpaque: tokens that the provider has to be asked about, and a
// person who says no: first at the bridge, where the provider is not reached.
func TestServeSignInOpaque(t *testing.T) {
	t.Parallel()
	b := brokered(t, true, lasting, "--guard", "introspection", "--introspection-client-id", "the-bridge")
	b.MustRun("add", "via", b.url)
	b.SetPerson(harness.Denies)
	if no := b.Run("login", "via"); no.Status == 0 || !strings.Contains(no.Stderr, "declined") {
		t.Errorf("the person said no: %v", no)
	}
	if counts := b.issuer.Counts(); counts.Authorizations != 0 {
		t.Errorf("a no at the bridge went on to the provider: %+v", counts)
	}
	b.SetPerson(harness.Allows)
	token := b.signIn()
	if strings.Contains(token, ".") {
		t.Fatal("the provider gave a token that is a JWT")
	}
	b.all(token)
	if audit := b.MustRun("audit", "export").Stdout; !strings.Contains(audit, `"reason":"access_denied"`) {
		t.Errorf("the record has no no: %s", audit)
	}
}

// TestServeSignInHostilePage: a page of somebody else in a real Chromium whose
// person has allowed another client.
func TestServeSignInHostilePage(t *testing.T) {
	t.Parallel()
	b := brokered(t, false, lasting, "--guard", "jwt")
	base := strings.TrimSuffix(b.url, "/plain/mcp")
	line := harness.StartScript(t, "hostile-signin.mjs", base, b.issuer.Issuer, authorization(t, base, "Allowed"), authorization(t, base, "Strange"))
	var got struct {
		Said            map[string]string
		AtProvider      int
		Again           int
		Allowed, Broken string
		Cookies         []string
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("it said %q: %v", line, err)
	}
	for name, want := range map[string]string{
		"form of another site": "403", "form of another port": "403", "frame on another site": "403", "frame on another port": "403",
		"script on another site": "Failed to fetch", "script on another port": "Failed to fetch", "address": "Let “Strange” sign in as you?",
	} {
		if !strings.Contains(got.Said[name], want) {
			t.Errorf("%s: %q, want %q", name, got.Said[name], want)
		}
	}
	if got.Broken != "" || got.AtProvider != 0 || got.Again == 0 {
		t.Errorf("the page brought the browser to the provider %d times, what was allowed did %d times; %s", got.AtProvider, got.Again, got.Broken)
	}
	if !slices.Equal(got.Cookies, []string{"true Lax", "true Lax"}) {
		t.Errorf("cookies: %q", got.Cookies)
	}
}

// authorization registers a client and returns a request of its.
func authorization(t *testing.T, base, name string) string {
	t.Helper()
	var client struct {
		ID string `json:"client_id"`
	}
	at := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(at.Close)
	redirect := at.URL + "/callback"
	postJSON(t, base+"/oauth/register", map[string]any{"client_name": name, "redirect_uris": []string{redirect}}, &client)
	return base + "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {client.ID}, "redirect_uri": {redirect}, "state": {"x"},
		"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
}

func postJSON(t *testing.T, address string, body, answer any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(address, "application/json", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s: HTTP %d %v", address, resp.StatusCode, err)
	}
}

// TestServeSignInReplicas: two bridges that share their state, and a load balancer
// that sends each request to the other one. A sign-in begins, goes on and ends at
// whichever it comes to; without the store none begins.
func TestServeSignInReplicas(t *testing.T) {
	t.Parallel()
	harness.NeedReplica(t)
	rig := harness.New(t)
	address, store := ports.FreeAddress(t), ports.FreeAddress(t)
	redis := startRedis(t, store)
	b := &issuedBridge{Rig: rig, t: t, issuer: companyProvider(rig, address, false, lasting), url: "http://" + address + "/plain/mcp"}
	key := filepath.Join(b.Home, "sign-in.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("a key of all bridges ", 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	everything := harness.StartScript(t, "everything-http.mjs")
	var at struct{ URL string }
	if err := json.Unmarshal([]byte(everything), &at); err != nil {
		t.Fatal(err)
	}
	b.MustRun("add", "plain", at.URL)
	var bridges []*url.URL
	for range 2 {
		r := b.StartCommand(harness.Command{Args: []string{
			"serve", "--listen", ports.FreeAddress(t), "--public-url", "http://" + address, "--state", "redis://" + store + "/0", "--guard", "jwt", "--issuer", b.issuer.Issuer,
			"--audience", b.url, "--require-scope", "mcp:tools", "--sign-in-client-id", "the-bridge", "--sign-in-resource", b.url, "--sign-in-key-file", key,
		}, Env: []string{"DRAWBRIDGE_STATE_PASSWORD=sesame", "DRAWBRIDGE_SIGN_IN_SECRET=" + clientSecret}})
		u, err := url.Parse(served(t, r))
		if err != nil {
			t.Fatal(err)
		}
		bridges = append(bridges, u)
	}
	var turn atomic.Int64
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	balancer := &http.Server{ReadHeaderTimeout: time.Minute, Handler: &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(bridges[turn.Add(1)%2])
		r.Out.Host = r.In.Host
	}}}
	go func() { _ = balancer.Serve(l) }()
	t.Cleanup(func() { _ = balancer.Close() })
	b.SetThrough(b.issuer.Issuer)
	b.signIn()
	got, err := b.RunClient(harness.Client{Command: []string{b.Binary(), "stdio", "via"}, Env: b.ClientEnv(), Calls: []string{`echo={"message":"through three"}`}})
	if err != nil || len(got.Failures()) > 0 || got.Calls()[0].Text != "Echo: through three" {
		t.Errorf("through drawbridge stdio: %v %v", got, err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: patience}
	resp, err := browser.Get(authorization(t, "http://"+address, "Another"))
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	_, sealed, _ := strings.Cut(string(page), `name="request" value="`)
	sealed, _, _ = strings.Cut(sealed, `"`)
	for _, without := range []bool{false, true} {
		if without {
			redis.stop()
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/oauth/authorize", strings.NewReader(url.Values{"request": {sealed}, "answer": {"allow"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "http://"+address)
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if leads := strings.Contains(string(page), b.issuer.Issuer+"/auth"); leads == without || without && resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("without the store %v: HTTP %d\n%s", without, resp.StatusCode, page)
		}
	}
}
