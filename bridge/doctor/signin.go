package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
)

// signIn has a person sign in.
func (w *walk) signIn(ctx context.Context) {
	w.begin(report.Authorization)
	l := report.Line{ID: "authorization.sign_in", Title: "Somebody can sign in", Ref: "RFC 6749 §4.1, RFC 7636, RFC 8252 §7.3, RFC 8707 §2"}
	switch err := w.Credential.SignIn(ctx, w.UI); {
	case err == nil, errors.Is(err, credential.ErrOpen):
		l.Status, l.Got = report.OK, "done"
		w.add(l)
	default:
		w.fail(l, err)
	}
}

// signedIn looks at the account's tokens. Nobody signed in is no failure.
func (w *walk) signedIn(ctx context.Context) {
	l := report.Line{ID: "authorization.account", Title: "Somebody is signed in", Ref: mcpAuth}
	facts, err := w.Credential.Facts()
	if err != nil {
		w.fail(l, err)
		return
	}
	if w.failed(report.Authorization) { // the sign-in that was tried: that says it
		return
	}
	if facts.State != credential.SignedIn {
		l.Status, l.Got = report.Skipped, "nobody is signed in"
		if facts.State == credential.SignInNeeded {
			l.Got = "a new sign-in is needed"
			if facts.Problem != nil {
				l.Got += ": " + facts.Problem.What
			}
		}
		// For a bare address it was asked what the servers say, not for a sign-in.
		if w.Server.Name != "" || facts.State == credential.SignInNeeded {
			w.needed = true
			l.Status = report.Warn
			l.Remedy = "Sign in: drawbridge login " + w.label()
		} else {
			l.Got += "; --sign-in lets you"
		}
		w.add(l)
		return
	}
	bearer, err := w.Credential.Bearer(ctx)
	if err != nil {
		if fault.Is(err, fault.SignInNeeded) {
			w.needed = true
			l.Status = report.Warn
			l.Got, l.Remedy = refusal(err)
			w.add(l)
			return
		}
		w.fail(l, err)
		return
	}
	w.bearer = bearer
	w.Trace.Hide(bearer)
	if again, err := w.Credential.Facts(); err == nil {
		facts = again
	}
	l.Status, l.Got = report.OK, "yes"
	if name := facts.Display(); name != "" {
		l.Got = "as " + name
	}
	w.add(l)
	w.judgeIssuer(facts)
	w.judgeLife(facts)
	w.judgeToken(ctx)
}

func (w *walk) judgeIssuer(f credential.Facts) {
	if !w.usable || f.Issuer == "" || f.Issuer == w.found.Server.Issuer {
		return
	}
	remedy := "Sign in again: drawbridge login " + w.label()
	if w.Server.ClientID != "" { // it goes to no other issuer unless a person says so
		remedy = "If you have registered your client there, too: drawbridge login " + w.label() + " --issuer " + w.found.Server.Issuer
	}
	w.add(report.Line{
		ID: "authorization.issuer", Title: "The sign-in is from the server's authorization server", Ref: "MCP 2026-07-28, authorization: authorization server binding", Status: report.Fail,
		Got:    fmt.Sprintf("the sign-in is from %q, the server now names %q", f.Issuer, w.found.Server.Issuer),
		Remedy: remedy, Exchanges: []int{},
	})
}

func (w *walk) judgeLife(f credential.Facts) {
	l := report.Line{ID: "authorization.refresh", Title: "The sign-in can be renewed", Ref: "RFC 6749 §6", Status: report.OK, Got: "there is a refresh token", Exchanges: []int{}}
	switch {
	case f.Renewable && f.Problem != nil && len(f.Wanted) == 0:
		l.Status, l.Got, l.Remedy = report.Warn, "the last try failed at "+f.Problem.At.UTC().Format(time.RFC3339)+": "+f.Problem.What, f.Problem.Next
		if f.Refusals > 1 {
			l.Got = fmt.Sprintf("the last %d tries failed, the last at %s: %s", f.Refusals, f.Problem.At.UTC().Format(time.RFC3339), f.Problem.What)
		}
	case f.Renewable && f.ExpiresAt.IsZero():
		l.Got += "; the server does not say how long the access token lives"
	case f.Renewable:
	case f.ExpiresAt.IsZero():
		l.Got = "no refresh token, and the access token has no end that is known"
	default:
		l.Status, l.Got = report.Warn, "no refresh token: you have to sign in again at "+f.ExpiresAt.UTC().Format(time.RFC3339)
		l.Remedy = "Some servers give one only when the scope offline_access is asked for, or when the client is registered for it."
	}
	w.add(l)
}

// judgeToken compares the access token with what the MCP server should expect.
func (w *walk) judgeToken(ctx context.Context) {
	r, err := w.Credential.Report(ctx)
	l := report.Line{ID: "authorization.token", Title: "The access token is for this server", Ref: "RFC 8707 §2, RFC 9068 §4, RFC 7519 §4.1"}
	switch {
	case err != nil:
		l.Status = report.Warn
		l.Got, l.Remedy = refusal(err)
	case r.Format != "jwt":
		l.Status, l.Got = report.OK, "it is opaque: nobody but the servers can say what it is for"
	default:
		l.Status = report.OK
		var said []string
		for _, c := range r.Checks {
			said = append(said, c.Text)
			if !c.OK {
				l.Status = report.Warn
			}
		}
		said = append(said, "signature "+r.Signature.Verdict)
		if r.Signature.Verdict == "invalid" {
			l.Status = report.Warn
		}
		l.Got = strings.Join(said, "; ")
		if l.Status == report.Warn {
			l.Remedy = "If the server refuses the token, tell whoever runs the authorization server: it has to bind it to the `resource` that is asked for."
		}
	}
	w.add(l)
}
