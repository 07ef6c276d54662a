package guard

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Code says why somebody is refused; it is for logs and tests. What the caller is
// told is the description.
type Code string

// The codes.
const (
	Missing        Code = "missing"
	Malformed      Code = "malformed"
	WrongKind      Code = "wrong_kind"
	Expired        Code = "expired"
	NotYetValid    Code = "not_yet_valid"
	WrongSignature Code = "wrong_signature"
	WrongAlgorithm Code = "wrong_algorithm"
	WrongIssuer    Code = "wrong_issuer"
	WrongAudience  Code = "wrong_audience"
	MissingClaim   Code = "missing_claim"
	WrongClaim     Code = "wrong_claim"
	WrongType      Code = "wrong_type"
	Revoked        Code = "revoked"
	Scope          Code = "insufficient_scope"
	RateLimited    Code = "rate_limited"
	LockedOut      Code = "locked_out"
	Unavailable    Code = "unavailable"
)

// Refusal is a no with its whole answer: an HTTP status, the challenge of RFC
// 6750 §3 and a JSON body.
type Refusal struct {
	Status int
	Code   Code
	// Error is the code of RFC 6750 §3.1, "" when the request shows nothing.
	ErrorCode string
	// Description is what the caller may know.
	Description string
	// RequestID finds the refusal in the log.
	RequestID string
	// RetryAfter is when to come again; 0: not said.
	RetryAfter time.Duration
	// Cause is for the log.
	Cause error

	realm, metadata string
	scopes          []string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Description }

// Unwrap is the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// guessed reports whether somebody may be trying credentials. What was good and has
// ended is every client's once in a while: it must not lock out those who come from
// the same address.
func (r *Refusal) guessed() bool {
	return r.Status == http.StatusUnauthorized && r.Code != Expired && r.Code != NotYetValid
}

// Write writes the answer.
func (r *Refusal) Write(w http.ResponseWriter) {
	h := w.Header()
	if r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden || r.Status == http.StatusBadRequest {
		h.Set("WWW-Authenticate", r.challenge())
	}
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((r.RetryAfter+time.Second-1)/time.Second)))
	}
	name := r.ErrorCode
	if name == "" {
		name = string(r.Code)
	}
	body, _ := json.Marshal(struct { // always encodable
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Status      int    `json:"status"`
		Type        string `json:"type"`
		RequestID   string `json:"request_id"`
	}{name, r.Description, r.Status, "authentication_error", r.RequestID})
	h.Set("Content-Type", "application/json")
	w.WriteHeader(r.Status)
	_, _ = w.Write(append(body, '\n'))
}

// challenge is the WWW-Authenticate header (RFC 6750 §3, RFC 9728 §5.1).
func (r *Refusal) challenge() string {
	parts := []string{"realm=" + quote(r.realm)}
	if r.ErrorCode != "" {
		parts = append(parts, "error="+quote(r.ErrorCode), "error_description="+quote(r.Description))
	}
	if len(r.scopes) > 0 {
		parts = append(parts, "scope="+quote(strings.Join(r.scopes, " ")))
	}
	if r.metadata != "" {
		parts = append(parts, "resource_metadata="+quote(r.metadata))
	}
	return "Bearer " + strings.Join(parts, ", ")
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func missing() *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Code: Missing, Description: "a bearer token or an API key is required"}
}

func malformed(why string) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Code: Malformed, ErrorCode: "invalid_request", Description: why}
}

func invalid(why string, code Code) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Code: code, ErrorCode: "invalid_token", Description: why}
}

func insufficient(why string, scopes []string) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Code: Scope, ErrorCode: "insufficient_scope", Description: why, scopes: scopes}
}

func limited(code Code, why string, after time.Duration) *Refusal {
	return &Refusal{Status: http.StatusTooManyRequests, Code: code, Description: why, RetryAfter: after}
}

func unavailable() *Refusal {
	return &Refusal{Status: http.StatusServiceUnavailable, Code: Unavailable, Description: "the token cannot be checked now", RetryAfter: 5 * time.Second}
}
