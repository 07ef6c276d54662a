package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

func answerJSON(status int, members map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(members)
	}
}

func TestClientCredentialsRequest(t *testing.T) {
	s := newSite(t)
	s.on("POST /token", answerJSON(200, map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60}))
	tokens, err := NewClient(Config{Server: s.URL}).ClientCredentials(context.Background(), GrantRequest{
		TokenEndpoint: s.URL + "/token", Client: ClientCredentials{ClientID: "me", Secret: secret.New("s"), AuthMethod: AuthPost},
		Resource: "https://mcp.example.com/mcp", Scopes: []string{"a", "b"},
	})
	if err != nil || tokens.Access.Reveal() != "a" || tokens.ExpiresIn != time.Minute {
		t.Fatalf("%v, %v", tokens, err)
	}
	want := map[string][]string{
		"grant_type": {"client_credentials"}, "client_id": {"me"}, "client_secret": {"s"},
		"resource": {"https://mcp.example.com/mcp"}, "scope": {"a b"},
	}
	if diff := cmp.Diff(want, map[string][]string(s.requests()[0].form(t))); diff != "" {
		t.Error(diff)
	}
}

// The two steps of enterprise-managed authorization.
func TestIdentityAssertionThenJWTBearer(t *testing.T) {
	s := newSite(t)
	s.on("POST /idp", answerJSON(200, map[string]any{"access_token": "jag", "issued_token_type": typeIDJAG, "token_type": "N_A"}))
	s.on("POST /token", answerJSON(200, map[string]any{"access_token": "a", "token_type": "Bearer"}))
	c := NewClient(Config{Server: s.URL})
	jag, err := c.IdentityAssertion(context.Background(), AssertionRequest{
		TokenEndpoint: s.URL + "/idp", Client: ClientCredentials{ClientID: "at-idp"}, IDToken: secret.New("id"),
		Audience: "https://as.example.com", Resource: "https://mcp.example.com/mcp", Scopes: []string{"x"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.JWTBearer(context.Background(), GrantRequest{TokenEndpoint: s.URL + "/token", Client: ClientCredentials{ClientID: "me"}}, jag); err != nil {
		t.Fatal(err)
	}
	asked := s.requests()
	if diff := cmp.Diff(map[string][]string{
		"grant_type":           {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"requested_token_type": {"urn:ietf:params:oauth:token-type:id-jag"},
		"audience":             {"https://as.example.com"}, "resource": {"https://mcp.example.com/mcp"}, "scope": {"x"},
		"subject_token": {"id"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"}, "client_id": {"at-idp"},
	}, map[string][]string(asked[0].form(t))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]string{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {"jag"}, "client_id": {"me"},
	}, map[string][]string(asked[1].form(t))); diff != "" {
		t.Error(diff)
	}
}

func TestIdentityProviderThatIssuesSomethingElse(t *testing.T) {
	s := newSite(t)
	s.on("POST /idp", answerJSON(200, map[string]any{"access_token": "x", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer"}))
	_, err := NewClient(Config{Server: s.URL}).IdentityAssertion(context.Background(), AssertionRequest{TokenEndpoint: s.URL + "/idp"})
	if !fault.Is(err, fault.Unsupported) {
		t.Errorf("%v", err)
	}
}

// device is a client whose clock is moved by its own sleeping.
func deviceClient(s *site) (*Client, *[]time.Duration) {
	c := NewClient(Config{Server: s.URL})
	now := time.Now()
	slept := &[]time.Duration{}
	c.now = func() time.Time { return now }
	c.sleep = func(ctx context.Context, d time.Duration) error {
		*slept = append(*slept, d)
		now = now.Add(d)
		return ctx.Err()
	}
	return c, slept
}

func startDevice(t *testing.T, c *Client, s *site) *Device {
	t.Helper()
	d, err := c.StartDevice(context.Background(), s.URL+"/device", GrantRequest{
		TokenEndpoint: s.URL + "/token", Client: ClientCredentials{ClientID: "me"}, Resource: "https://mcp.example.com/mcp", Scopes: []string{"a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// RFC 8628 §3.5: pending goes on at the same pace, slow_down adds five seconds
// for good, an endpoint that is away is asked more and more slowly.
func TestDevicePacing(t *testing.T) {
	s := newSite(t)
	s.on("POST /device", answerJSON(200, map[string]any{
		"device_code": "secret-code", "user_code": "ABCD-EFGH", "verification_uri": s.URL + "/d", "expires_in": 600, "interval": 2,
	}))
	answers := []http.HandlerFunc{
		answerJSON(400, map[string]any{"error": "authorization_pending"}),
		answerJSON(400, map[string]any{"error": "slow_down"}),
		answerJSON(400, map[string]any{"error": "authorization_pending"}),
		answerJSON(503, map[string]any{}),
		sendsText(401, "text/html", "<html>Welcome to the hotel</html>"),
		answerJSON(200, map[string]any{"access_token": "a", "token_type": "Bearer"}),
	}
	s.on("POST /token", func(w http.ResponseWriter, r *http.Request) {
		next := answers[0]
		answers = answers[1:]
		next(w, r)
	})
	c, slept := deviceClient(s)
	d := startDevice(t, c, s)
	if d.UserCode != "ABCD-EFGH" || d.URL() != s.URL+"/d" {
		t.Errorf("shown: %q %q", d.UserCode, d.URL())
	}
	tokens, err := c.AwaitDevice(context.Background(), d)
	if err != nil || tokens.Access.Reveal() != "a" {
		t.Fatalf("%v, %v", tokens, err)
	}
	second := time.Second
	if diff := cmp.Diff([]time.Duration{2 * second, 2 * second, 7 * second, 7 * second, 14 * second, 28 * second}, *slept); diff != "" {
		t.Error(diff)
	}
}

func TestDeviceEnds(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   fault.Code
		asked  int // at the token endpoint
	}{
		"declined":         {answerJSON(400, map[string]any{"error": "access_denied"}), fault.SignInRefused, 1},
		"said to be over":  {answerJSON(400, map[string]any{"error": "expired_token"}), fault.SignInTimeout, 1},
		"over by our time": {answerJSON(400, map[string]any{"error": "authorization_pending"}), fault.SignInTimeout, 5},
		"another error":    {answerJSON(400, map[string]any{"error": "invalid_grant"}), fault.Refused, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.on("POST /device", answerJSON(200, map[string]any{
				"device_code": "secret-code", "user_code": "ABCD-EFGH", "verification_uri": s.URL + "/d", "expires_in": 30, "interval": 5,
			}))
			s.on("POST /token", c.answer)
			client, _ := deviceClient(s)
			d := startDevice(t, client, s)
			_, err := client.AwaitDevice(context.Background(), d)
			if !fault.Is(err, c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if n := len(s.requests()) - 1; n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
		})
	}
}

func TestDeviceAddressThatMustNotBeShown(t *testing.T) {
	for _, address := range []string{"javascript:alert(1)", "file:///etc/passwd", "http://example.com/d", ""} {
		s := newSite(t)
		s.on("POST /device", answerJSON(200, map[string]any{"device_code": "c", "user_code": "A", "verification_uri": address, "expires_in": 30}))
		_, err := NewClient(Config{Server: s.URL}).StartDevice(context.Background(), s.URL+"/device", GrantRequest{})
		if !fault.Is(err, fault.BadMetadata) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestIntrospect(t *testing.T) {
	s := newSite(t)
	s.on("POST /active", answerJSON(200, map[string]any{"active": true, "scope": "a b", "sub": "ada"}))
	s.on("POST /ended", answerJSON(200, map[string]any{"active": false, "sub": "ada"}))
	s.on("POST /odd", answerJSON(200, map[string]any{"sub": "ada"}))
	s.on("POST /refused", answerJSON(401, map[string]any{"error": "invalid_client"}))
	c := NewClient(Config{Server: s.URL})
	ask := func(path string) (Introspection, error) {
		return c.Introspect(context.Background(), IntrospectRequest{Endpoint: s.URL + path, Token: secret.New("x"), Hint: "access_token"})
	}
	if in, err := ask("/active"); err != nil || !in.Active || string(in.Claims["scope"]) != `"a b"` {
		t.Errorf("active: %v, %v", in, err)
	}
	if in, err := ask("/ended"); err != nil || in.Active || len(in.Claims) != 0 {
		t.Errorf("ended: %v, %v", in, err)
	}
	if _, err := ask("/odd"); !fault.Is(err, fault.BadMetadata) {
		t.Errorf("odd: %v", err)
	}
	if _, err := ask("/refused"); !fault.Is(err, fault.Refused) {
		t.Errorf("refused: %v", err)
	}
}

func TestUserinfo(t *testing.T) {
	s := newSite(t)
	s.on("GET /me", answerJSON(200, map[string]any{"sub": "1", "email": "ada@example.com", "name": "Ada", "groups": []string{"x"}}))
	s.on("GET /away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/me", http.StatusFound) })
	c := NewClient(Config{Server: s.URL})
	who, err := c.Userinfo(context.Background(), s.URL+"/me", secret.New("tok"), nil)
	if err != nil || who != (Identity{"1", "ada@example.com", "Ada"}) {
		t.Errorf("%v, %v", who, err)
	}
	if got := s.requests()[0].Header.Get("Authorization"); got != "Bearer tok" {
		t.Errorf("Authorization %q", got)
	}
	// A token goes no further than to whom it was given.
	if _, err := c.Userinfo(context.Background(), s.URL+"/away", secret.New("tok"), nil); !fault.Is(err, fault.Refused) {
		t.Errorf("redirect: %v", err)
	}
	if n := len(s.requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// RFC 8693 §2.1; the caller's own token in the answer would be passed on to a
// server that it is not for.
func TestTokenExchange(t *testing.T) {
	s := newSite(t)
	s.on("POST /token", answerJSON(200, map[string]any{
		"access_token": "a", "issued_token_type": typeAccess, "token_type": "Bearer", "expires_in": 60, "refresh_token": "never kept",
	}))
	s.on("POST /same", answerJSON(200, map[string]any{"access_token": "caller's", "issued_token_type": typeAccess, "token_type": "Bearer"}))
	c := NewClient(Config{Server: s.URL})
	r := ExchangeRequest{
		GrantRequest: GrantRequest{TokenEndpoint: s.URL + "/token", Client: ClientCredentials{ClientID: "bridge", Secret: secret.New("s"), AuthMethod: AuthPost}, Resource: "https://mcp.example.com/mcp", Scopes: []string{"x"}},
		Subject:      secret.New("caller's"), SubjectType: "jwt", Audience: "notes",
	}
	tokens, err := c.TokenExchange(context.Background(), r)
	if err != nil || tokens.Access.Reveal() != "a" || tokens.ExpiresIn != time.Minute {
		t.Fatalf("%v, %v", tokens, err)
	}
	if diff := cmp.Diff(map[string][]string{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "client_id": {"bridge"}, "client_secret": {"s"},
		"subject_token": {"caller's"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
		"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"audience":             {"notes"}, "resource": {"https://mcp.example.com/mcp"}, "scope": {"x"},
	}, map[string][]string(s.requests()[0].form(t))); diff != "" {
		t.Error(diff)
	}
	r.TokenEndpoint = s.URL + "/same"
	if _, err := c.TokenExchange(context.Background(), r); !fault.Is(err, fault.Refused) {
		t.Errorf("the caller's own token in return: %v", err)
	}
}
