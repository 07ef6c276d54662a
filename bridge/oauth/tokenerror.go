package oauth

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// TokenError is an error answer of an endpoint (RFC 6749 §5.2). Find it with
// errors.As.
type TokenError struct {
	// Status is the HTTP status; 0 for an error that came with the redirect back.
	Status int
	// Code is the `error` member; "" when the body had none, which some servers
	// do even for a spent refresh token.
	Code string
	// Description is the server's text for developers, without the secrets that
	// were sent. It is for the log, not for a person.
	Description string
	// RetryAfter is when to try again at the earliest; 0 when not said.
	RetryAfter time.Duration
}

// Error is the text for the log.
func (e *TokenError) Error() string {
	text := "token endpoint"
	if e.Status != 0 {
		text += ": HTTP " + strconv.Itoa(e.Status)
	}
	if e.Code != "" {
		text += ": " + plain(e.Code)
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// Temporary reports whether the same request may succeed later: nothing about
// the sign-in has changed.
func (e *TokenError) Temporary() bool {
	switch e.Code {
	case "temporarily_unavailable", "server_error", "slow_down":
		return true
	}
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
}

// maxRetryAfter bounds what a server can ask for.
const maxRetryAfter = time.Hour

// newTokenError reads an error answer. secrets are those that were sent: a
// server that quotes them must not bring them into our log.
func newTokenError(doc *document, values map[string]string, secrets ...secret.String) *TokenError {
	if values == nil {
		values = members(doc)
	}
	e := &TokenError{
		Status: doc.status, Code: errorCode(values["error"], secrets), Description: plain(values["error_description"], secrets...),
	}
	if after := doc.header.Get("Retry-After"); after != "" {
		if n, err := strconv.Atoi(after); err == nil {
			e.RetryAfter = time.Duration(n) * time.Second
		} else if at, err := http.ParseTime(after); err == nil {
			e.RetryAfter = time.Until(at)
		}
		e.RetryAfter = min(max(e.RetryAfter, 0), maxRetryAfter)
	}
	return e
}

// errorCode keeps a well-formed code as it is, since decisions hang on it: a
// client secret of a few letters must not punch holes into "invalid_grant".
func errorCode(code string, secrets []secret.String) string {
	const short = 8
	if codeForm(code) && !slices.ContainsFunc(secrets, func(x secret.String) bool {
		return len(x.Reveal()) >= short && strings.Contains(code, x.Reveal())
	}) {
		return code
	}
	return plain(code, secrets...)
}

// tokenFault puts an error answer into words; to is what was asked for.
func tokenFault(endpoint, to string, e *TokenError) error {
	host := shown(hostOf(endpoint))
	switch {
	case e.Temporary():
		return fault.Wrap(e, fault.Unreachable, fmt.Sprintf("%s cannot %s at the moment (HTTP %d).", host, to, e.Status), "Try again later.")
	case e.Code == "invalid_grant":
		return fault.Wrap(e, fault.Refused, fmt.Sprintf("%s no longer accepts this sign-in.", host), "Sign in again.")
	case e.Code == "invalid_client" || e.Code == "unauthorized_client":
		return fault.Wrap(e, fault.Refused, fmt.Sprintf("%s does not accept this client.", host), "Check the client id and secret, then sign in again.")
	case e.Code == "invalid_target":
		return fault.Wrap(e, fault.Refused, fmt.Sprintf("%s issues no tokens for this server.", host), "Tell whoever runs the server: its resource is not known there.")
	}
	why := fmt.Sprintf("HTTP %d", e.Status)
	if codeForm(e.Code) {
		why = e.Code
	}
	return fault.Wrap(e, fault.Refused, fmt.Sprintf("%s refused to %s (%s).", host, to, why), "Sign in again; if it lasts, tell whoever runs the server.")
}
