package test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"drawbridge/test/harness"
	"drawbridge/test/ports"
	"drawbridge/test/town"
)

// TestServeSignInVendors: providers that register nobody, each played with what is
// particular about it (no PKCE in the metadata, no resource, its own way of asking
// for a refresh token), and the bridge between them and a client that has to
// register.
func TestServeSignInVendors(t *testing.T) {
	t.Parallel()
	harness.Skip(t)
	vendors := harness.StartVendors(t)
	t.Run("each", func(t *testing.T) { // ends before what it needs does
		for name, args := range map[string][]string{
			"Okta":           {"--preset", "okta", "--audience", town.Customer, "--sign-in-resource", town.Customer, "--sign-in-scope", "offline_access"},
			"Google":         {"--preset", "google", "--audience", "the-bridge"},
			"Amazon Cognito": {"--audience", town.Customer, "--sign-in-resource", town.Customer, "--sign-in-scope", "openid"},
			// Its access tokens are opaque here, which the real ones for an API are not.
			"Microsoft Entra ID": {"--audience", "the-bridge", "--sign-in-token", "id_token", "--sign-in-scope", town.Customer + "/.default"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				i := slices.IndexFunc(vendors.All, func(v harness.Vendor) bool { return v.Name == name })
				signsInThrough(t, vendors.In(t), vendors.All[i], args)
			})
		}
	})
}

func signsInThrough(t *testing.T, vendors *harness.Vendors, vendor harness.Vendor, args []string) {
	w := town.New(t)
	for _, host := range vendor.Hosts {
		w.Is(host, vendors.Handler())
	}
	address := ports.FreeAddress(t)
	base := "http://" + address
	vendors.Order(map[string]any{"do": "client", "vendor": vendor.Name, "metadata": map[string]any{
		"client_id": "the-bridge", "client_secret": clientSecret, "redirect_uris": []string{base + "/oauth/callback"}, "application_type": "native",
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}, "token_endpoint_auth_method": "client_secret_basic",
	}})
	b := &issuedBridge{Rig: harness.New(t), t: t, issuer: &harness.Provider{Issuer: vendor.Issuer}}
	b.serveAt(address, []string{"DRAWBRIDGE_SIGN_IN_SECRET=" + clientSecret, "HTTPS_PROXY=" + w.Proxy, "SSL_CERT_FILE=" + w.CAFile},
		append([]string{"--guard", "jwt", "--sign-in-client-id", "the-bridge"}, args...)...)

	var back url.Values
	client := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { back = r.URL.Query() }))
	defer client.Close()
	redirect := client.URL + "/callback"
	var registered struct {
		ID string `json:"client_id"`
	}
	postJSON(t, base+"/oauth/register", map[string]any{"client_name": "A client", "redirect_uris": []string{redirect}}, &registered)
	verifier := strings.Repeat("verifier-", 6)
	sum := sha256.Sum256([]byte(verifier))
	_, text, err := w.Person("ada").Open(t.Context(), base+"/oauth/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {registered.ID}, "redirect_uri": {redirect}, "state": {"mine"}, "resource": {b.url}, "scope": {"offline_access"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil || back.Get("code") == "" || back.Get("state") != "mine" || back.Get("iss") != base {
		t.Fatalf("the client is told %v: %v\n%s\n%v", back, err, text, vendors.Counts(vendor.Name).Complaints)
	}
	type tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Error   string `json:"error"`
	}
	ask := func(form url.Values) (got tokens) {
		t.Helper()
		form.Set("client_id", registered.ID)
		resp, err := http.PostForm(base+"/oauth/token", form)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("HTTP %d %s %v\n%v", resp.StatusCode, got.Error, err, vendors.Counts(vendor.Name).Complaints)
		}
		return got
	}
	first := ask(url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier}, "resource": {b.url}})
	const in = http.StatusBadRequest // let in, and then a session is wanted
	if got := status(t, b.url, first.Access); got != in {
		t.Errorf("with the token: HTTP %d", got)
	}
	second := ask(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Refresh}})
	if got := status(t, b.url, second.Access); got != in {
		t.Errorf("with the renewed token: HTTP %d", got)
	}
	if counts := vendors.Counts(vendor.Name); counts.SignIns != 1 || counts.Refreshes != 1 || len(counts.Complaints) > 0 {
		t.Errorf("the provider: %+v", counts)
	}
}
