package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"drawbridge/bridge/fault"
	"drawbridge/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// request is what a site was asked.
type request struct {
	Method, Path string // Path with the query
	Header       http.Header
	Body         string
}

func (r request) form(t *testing.T) url.Values {
	t.Helper()
	v, err := url.ParseQuery(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// site is a web server on loopback that records what it is asked and answers
// 404 to all that it has no answer for.
type site struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]http.HandlerFunc // by "GET /path"
	asked   []request
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{answers: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked = append(s.asked, request{r.Method, r.URL.RequestURI(), r.Header.Clone(), string(body)})
	answer := s.answers[r.Method+" "+r.URL.Path]
	s.mu.Unlock()
	if answer == nil {
		http.NotFound(w, r)
		return
	}
	answer(w, r)
}

func (s *site) on(what string, answer http.HandlerFunc) *site {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[what] = answer
	return s
}

func (s *site) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.asked...)
}

// paths lists what was asked, in order.
func (s *site) paths() []string {
	var all []string
	for _, r := range s.requests() {
		all = append(all, r.Method+" "+r.Path)
	}
	return all
}

type object map[string]any

// sends answers with a JSON document; $SELF in it is the site's own origin.
func (s *site) sends(doc object) http.HandlerFunc { return s.sendsStatus(http.StatusOK, doc) }

func (s *site) sendsStatus(status int, doc object) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		raw, err := json.Marshal(doc)
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.ReplaceAll(string(raw), "$SELF", s.URL))
	}
}

func sendsText(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// asMetadata is a complete authorization server metadata document.
func asMetadata(changes object) object {
	doc := object{
		"issuer":                           "$SELF",
		"authorization_endpoint":           "$SELF/authorize",
		"token_endpoint":                   "$SELF/token",
		"registration_endpoint":            "$SELF/register",
		"code_challenge_methods_supported": []string{"plain", "S256"},
	}
	for name, value := range changes {
		if value == nil {
			delete(doc, name)
		} else {
			doc[name] = value
		}
	}
	return doc
}

// wantFault checks the code, that What and Next say something on one line, and
// that they contain all the words; those after "log: " need be in the log's text
// only.
func wantFault(t *testing.T, err error, code fault.Code, words ...string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("error = %v (%T), want a *fault.Error", err, err)
	}
	if f.Code != code {
		t.Errorf("code = %s, want %s (%s)", f.Code, code, f)
	}
	if f.What == "" || f.Next == "" || strings.ContainsAny(f.What+f.Next, "\n\r\x1b") {
		t.Errorf("What %q and Next %q must be one line each", f.What, f.Next)
	}
	for _, word := range words {
		text := f.What + " " + f.Next
		if rest, ok := strings.CutPrefix(word, "log: "); ok {
			text, word = f.Error(), rest
		}
		if !strings.Contains(text, word) {
			t.Errorf("%q, %q does not name %q", f.What, f.Next, word)
		}
	}
}

func httptestTLS(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}
