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
	// Code is the `error` member, in the words of RFC 6749 §5.2 where the server has
	// others for the same; "" when the body had none, which some servers do even for
	// a spent refresh token.
	Code string
	// Description is the server's text for developers, without the secrets that
	// were sent, after its own code if that was another. It is for the log, not for
	// a person.
	Description string
	// Page: the body was a web page, so that somebody else may have answered: the
	// sign-in page of a network, a firewall.
	Page bool
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
	if e.Page {
		text += ": a web page"
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
		Status: doc.status, Code: errorCode(values["error"], secrets), Description: plain(values["error_description"], secrets...), Page: doc.page(),
	}
	if meant := dialects[e.Code]; meant != "" {
		e.Code, e.Description = meant, strings.TrimSuffix(e.Code+": "+e.Description, ": ")
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

// dialects are the words that servers have for the codes of RFC 6749 §5.2: those
// of GitHub (its documentation of OAuth apps' errors and of refreshing user access
// tokens), of Slack (that of oauth.v2.access), and of OpenID Connect Core §3.1.2.6,
// by which Microsoft says at its token endpoint that a person has to come back. A
// sign-in that has ended must not look like trouble that passes.
var dialects = map[string]string{
	"bad_refresh_token": "invalid_grant", "bad_verification_code": "invalid_grant", "incorrect_client_credentials": "invalid_client",
	"invalid_refresh_token": "invalid_grant", "invalid_code": "invalid_grant", "code_already_used": "invalid_grant",
	"interaction_required": "invalid_grant", "login_required": "invalid_grant", "consent_required": "invalid_grant",
	"bad_client_secret": "invalid_client", "invalid_client_id": "invalid_client", "ratelimited": "temporarily_unavailable",
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

// unknownResource is what to do about invalid_target. That the parameter is left
// out is for a person to say: a token without it is for whatever the authorization
// server takes as given, and an MCP server that names somebody else's
// authorization server would be handed one for somebody else (RFC 8707 §2, §3).
const unknownResource = "Tell whoever runs the server: its resource is not known there. If you trust both, --no-resource asks for a token that names no server, and --resource URI for one that names another."

// tokenFault puts an error answer into words; to is what was asked for.
func tokenFault(endpoint, to string, e *TokenError) error {
	host := shown(hostOf(endpoint))
	switch {
	case e.Temporary():
		return fault.Wrap(e, fault.Unreachable, fmt.Sprintf("%s cannot %s at the moment (HTTP %d).", host, to, e.Status), "Try again later.")
	case e.Page && e.Code == "":
		return fault.Wrap(e, fault.Refused, fmt.Sprintf("%s answered with a web page (HTTP %d) instead of an OAuth answer.", host, e.Status),
			"The sign-in page of a network or a firewall may stand in between: open any web page in the browser to see, then try again.")
	case e.Code == "invalid_grant":
		return fault.Wrap(e, fault.Refused, fmt.Sprintf("%s no longer accepts this sign-in.", host), "Sign in again.")
	case e.Code == "invalid_client" || e.Code == "unauthorized_client":
		return fault.Wrap(e, fault.Refused, fmt.Sprintf("%s does not accept this client.", host), "Check the client id and secret, then sign in again.")
	case e.Code == "invalid_target":
		return fault.Wrap(e, fault.Refused, fmt.Sprintf("%s issues no tokens for this server.", host), unknownResource)
	}
	why := fmt.Sprintf("HTTP %d", e.Status)
	if codeForm(e.Code) {
		why = e.Code
	}
	return fault.Wrap(e, fault.Refused, fmt.Sprintf("%s refused to %s (%s).", host, to, why), "Sign in again; if it lasts, tell whoever runs the server.")
}
