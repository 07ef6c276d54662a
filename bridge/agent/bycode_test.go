package agent

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/vault"
)

// TestSignInByCode: the window gets the code with the address, from the real
// credential, and no browser opens.
func TestSignInByCode(t *testing.T) {
	var as *httptest.Server
	seen := make(chan struct{}) // the code is, in the snapshot: before that nobody approves
	as = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers := map[string]string{
			"/.well-known/oauth-protected-resource/mcp": `{"resource":"` + as.URL + `/mcp","authorization_servers":["` + as.URL + `"]}`,
			"/.well-known/oauth-authorization-server": `{"issuer":"` + as.URL + `","authorization_endpoint":"` + as.URL + `/authorize","token_endpoint":"` + as.URL + `/token",
				"registration_endpoint":"` + as.URL + `/register","device_authorization_endpoint":"` + as.URL + `/device","code_challenge_methods_supported":["S256"]}`,
			"/register": `{"client_id":"c1"}`,
			"/device":   `{"device_code":"hidden","user_code":"WXYZ-1234","verification_uri":"` + as.URL + `/code","interval":1,"expires_in":60}`,
			"/token":    `{"access_token":"a1","token_type":"Bearer","expires_in":60}`,
		}
		if r.URL.Path == "/token" {
			select {
			case <-seen:
			default:
				w.WriteHeader(http.StatusBadRequest)
				answers["/token"] = `{"error":"authorization_pending"}`
			}
		}
		if answers[r.URL.Path] == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answers[r.URL.Path])
	}))
	t.Cleanup(as.Close)
	dir := t.TempDir()
	paths := config.Paths{Config: dir + "/config", State: dir + "/state"}
	server := config.Server{Name: "notes", URL: as.URL + "/mcp", OAuth: config.OAuth{Grant: config.DeviceCode}}
	if err := config.Update(t.Context(), paths, func(s *config.Settings) error { return s.Add(server) }); err != nil {
		t.Fatal(err)
	}
	m := credential.NewManager(credential.Config{Paths: paths, Vault: vault.NewMemory(), HTTP: &http.Client{Transport: &http.Transport{}}})
	opened := 0
	a := withoutSocket(t, Config{
		Paths: paths, Accounts: Credentials(m), Browser: func(context.Context, string) error { opened++; return nil },
	})
	s, err := a.StartSignIn(t.Context(), control.SignInRequest{Target: control.Named("notes")})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := a.WaitSignIn(t.Context(), s.ID, "", patience)
	if err != nil || shown.Code != "WXYZ-1234" || shown.URL != as.URL+"/code" || shown.BrowserOpened {
		t.Fatalf("shown: %+v, %v", shown, err)
	}
	if left := time.Until(*shown.EndsAt); left < 30*time.Second || left > time.Minute || shown.QR == nil || *shown.QR != *drawQR(shown.URL) {
		t.Errorf("the code ends in %v, its picture is %+v", left, shown.QR)
	}
	raw, err := json.Marshal(a.feed.Snapshot())
	if err != nil || !strings.Contains(string(raw), "WXYZ-1234") || strings.Contains(string(raw), "hidden") {
		t.Errorf("the snapshot is %s, %v", raw, err)
	}
	close(seen)
	for !shown.Done {
		if shown, err = a.WaitSignIn(t.Context(), s.ID, shown.URL, patience); err != nil {
			t.Fatal(err)
		}
	}
	if shown.Problem != nil || opened != 0 {
		t.Errorf("ended with %+v; %d browsers", shown.Problem, opened)
	}
}

// TestAnotherWayMakesRoom: a sign-in in the browser is under way, and the window
// says that the provider would take a code. The person wants that, and then to be
// registered anew: each takes the place of the one before, which leaves no failure.
func TestAnotherWayMakesRoom(t *testing.T) {
	var as *httptest.Server
	registrations := make(chan string, 9)
	as = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers := map[string]string{
			"/.well-known/oauth-protected-resource/mcp": `{"resource":"` + as.URL + `/mcp","authorization_servers":["` + as.URL + `"]}`,
			"/.well-known/oauth-authorization-server": `{"issuer":"` + as.URL + `","authorization_endpoint":"` + as.URL + `/authorize","token_endpoint":"` + as.URL + `/token",
				"registration_endpoint":"` + as.URL + `/register","device_authorization_endpoint":"` + as.URL + `/device","code_challenge_methods_supported":["S256"]}`,
			"/register": `{"client_id":"c1"}`,
			"/device":   `{"device_code":"hidden","user_code":"WXYZ-1234","verification_uri":"` + as.URL + `/code","interval":60,"expires_in":600}`,
		}
		if r.URL.Path == "/register" {
			raw, _ := io.ReadAll(r.Body)
			registrations <- string(raw)
		}
		if answers[r.URL.Path] == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answers[r.URL.Path])
	}))
	t.Cleanup(as.Close)
	dir := t.TempDir()
	paths := config.Paths{Config: dir + "/config", State: dir + "/state"}
	if err := config.Update(t.Context(), paths, func(s *config.Settings) error {
		return s.Add(config.Server{Name: "notes", URL: as.URL + "/mcp"})
	}); err != nil {
		t.Fatal(err)
	}
	m := credential.NewManager(credential.Config{Paths: paths, Vault: vault.NewMemory(), HTTP: &http.Client{Transport: &http.Transport{}}})
	a := withoutSocket(t, Config{Paths: paths, Accounts: Credentials(m), Browser: func(context.Context, string) error { return nil }})
	notes := control.Named("notes")
	begin := func(req control.SignInRequest) control.SignIn {
		t.Helper()
		s, err := a.StartSignIn(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := a.WaitSignIn(t.Context(), s.ID, "", patience)
		if err != nil || shown.Done || shown.URL == "" {
			t.Fatalf("shown: %+v, %v", shown, err)
		}
		return shown
	}
	inWindow := func() control.Server { a.rebuild(); return a.feed.Snapshot().Servers[0] }
	until := func(what string, is func(control.Server) bool) {
		t.Helper()
		for end := time.Now().Add(patience); !is(inWindow()); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %+v", what, inWindow())
			}
		}
	}

	first := begin(control.SignInRequest{Target: notes})
	if !first.BrowserOpened || first.Code != "" {
		t.Errorf("in the browser: %+v", first)
	}
	until("a code is offered", func(s control.Server) bool { return s.SignIn != nil && s.SignIn.OffersCode && s.Registers })
	second := begin(control.SignInRequest{Target: notes, ByCode: true})
	if second.ID == first.ID || second.Code != "WXYZ-1234" || second.BrowserOpened {
		t.Errorf("by code: %+v", second)
	}
	if s := inWindow(); s.SignIn == nil || s.SignIn.ID != second.ID || s.Problem != nil {
		t.Errorf("in the window: %+v", s)
	}
	third := begin(control.SignInRequest{Target: notes, NewClient: true})
	if third.ID == second.ID || third.Code != "" || !third.BrowserOpened {
		t.Errorf("registered anew: %+v", third)
	}
	if n := len(registrations); n != 3 { // the browser's, the device's, the browser's anew
		t.Errorf("%d registrations", n)
	}
	for _, ended := range []string{first.ID, second.ID} {
		if s, err := a.WaitSignIn(t.Context(), ended, "", 0); err != nil || !s.Done {
			t.Errorf("the one before: %+v, %v", s, err)
		}
	}
	if err := a.CancelSignIns(t.Context(), ""); err != nil {
		t.Error(err)
	}
}
