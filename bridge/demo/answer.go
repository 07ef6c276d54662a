package demo

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"
)

// Bounds of what is read from the network.
const (
	maxForm     = 64 << 10
	maxMessage  = 4 << 20
	bodyTimeout = 10 * time.Second
)

// oauthError is an error answer of an OAuth endpoint (RFC 6749 §5.2).
type oauthError struct {
	status      int
	code        string
	description string
}

func (e *oauthError) Error() string { return e.code + ": " + e.description }

func refuse(code, description string) *oauthError {
	return &oauthError{http.StatusBadRequest, code, description}
}

// writeJSON answers with v. What an OAuth endpoint says is never cached (RFC
// 6749 §5.1).
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away: nobody to tell
}

// writeError answers with err; one that is no oauthError says no more than
// server_error.
func writeError(w http.ResponseWriter, err error) {
	var oe *oauthError
	if !errors.As(err, &oe) {
		oe = &oauthError{http.StatusInternalServerError, "server_error", "the demo stumbled"}
	}
	if oe.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="Drawbridge demo"`)
	}
	writeJSON(w, oe.status, map[string]string{"error": oe.code, "error_description": oe.description})
}

// readBody reads at most limit bytes in at most ten seconds.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	rc := http.NewResponseController(w)
	// A writer that knows no deadlines (a test's recorder) has no slow peer either.
	_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout))
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	return body, nil
}

// readForm reads a form from the body alone: credentials in a URL end up in
// logs (RFC 6749 §2.3.1).
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if mediaType(r) != "application/x-www-form-urlencoded" {
		return nil, refuse("invalid_request", "the body must be application/x-www-form-urlencoded")
	}
	body, err := readBody(w, r, maxForm)
	if err != nil {
		return nil, refuse("invalid_request", "the body is too long or came too slowly")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, refuse("invalid_request", "the body is not a form")
	}
	return form, once(form)
}

// once refuses a parameter that is there twice (RFC 6749 §3.1), except
// resource, which may be (RFC 8707 §2).
func once(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 && name != "resource" {
			return refuse("invalid_request", "a parameter is there more than once")
		}
	}
	return nil
}

func mediaType(r *http.Request) string {
	t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return t
}

// random is a value that nobody guesses: 256 bits, URL-safe.
func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return encode(b)
}

// digest stands for a secret in memory: what is issued is not kept.
type digest [sha256.Size]byte

func digestOf(s string) digest { return sha256.Sum256([]byte(s)) }
