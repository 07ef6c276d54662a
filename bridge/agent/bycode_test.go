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
	polled := 0
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
			if polled++; polled == 1 {
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
	shown, err := a.WaitSignIn(t.Context(), s.ID, "", 10*time.Second)
	if err != nil || shown.Code != "WXYZ-1234" || shown.URL != as.URL+"/code" || shown.BrowserOpened {
		t.Fatalf("shown: %+v, %v", shown, err)
	}
	raw, err := json.Marshal(a.feed.Snapshot())
	if err != nil || !strings.Contains(string(raw), "WXYZ-1234") || strings.Contains(string(raw), "hidden") {
		t.Errorf("the snapshot is %s, %v", raw, err)
	}
	for !shown.Done {
		if shown, err = a.WaitSignIn(t.Context(), s.ID, shown.URL, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if shown.Problem != nil || opened != 0 {
		t.Errorf("ended with %+v; %d browsers", shown.Problem, opened)
	}
}
