package doctor_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/demo"
	"drawbridge/bridge/doctor"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/vault"
)

// hotel answers token requests with a page, once on is set; all else goes on.
type hotel struct {
	http.RoundTripper
	on atomic.Bool
}

func (h *hotel) RoundTrip(r *http.Request) (*http.Response, error) {
	if !h.on.Load() || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/token") {
		return h.RoundTripper.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"text/html"}},
		Body: io.NopCloser(strings.NewReader("<html>Welcome</html>")), Request: r,
	}, nil
}

// The sign-in stays while something in between answers for the token endpoint;
// the doctor says what came, that it is tried again, and when to sign in again.
func TestRefreshThatIsRefusedWithoutAnEnd(t *testing.T) {
	for name, test := range map[string]struct {
		later time.Duration
		line  string
		want  report.Status
	}{
		"the token still works": {55 * time.Second, "authorization.refresh", report.Warn},
		"the token has ended":   {2 * time.Minute, "authorization.account", report.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := demo.Start(t.Context(), demo.Config{TokenLifetime: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			var later atomic.Int64
			begun := time.Now().Round(0) // the clock stands still but for later
			network := &hotel{RoundTripper: http.DefaultTransport}
			r := &rig{t: t, demo: d, trace: &doctor.Trace{}}
			dir := t.TempDir()
			server := config.Server{Name: "notes", URL: d.URL()}
			m := credential.NewManager(credential.Config{
				Paths: config.Paths{Config: dir + "/c", State: dir + "/s"}, Vault: vault.NewMemory(), HTTP: &http.Client{},
				Now:  func() time.Time { return begun.Add(time.Duration(later.Load())) },
				Wrap: func(next http.RoundTripper) http.RoundTripper { network.RoundTripper = next; return network },
			})
			r.account = m.Account(server, "")
			r.signIn()
			later.Store(int64(test.later))
			network.on.Store(true)
			l := lineOf(doctor.Run(t.Context(), doctor.Config{Server: server, Account: "default", Credential: r.account, Trace: r.trace, Version: "test"}), test.line)
			if l.Status != test.want || !strings.Contains(l.Got, "answered with a web page (HTTP 400)") ||
				!strings.Contains(l.Remedy, "You are still signed in") || !strings.Contains(l.Remedy, "drawbridge login notes") {
				t.Errorf("%+v", l)
			}
		})
	}
}
