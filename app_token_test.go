package main

import (
	"encoding/base64"
	"strings"
	"testing"

	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

func TestATokenIsCopiedOnlyAfterTheSystemsDialog(t *testing.T) {
	p := testPaths(t)
	startAgent(t, p)
	app, events := startApp(t, p)
	next(t, events, EventConnected)
	if _, err := app.AddServer(NewServer{Name: "notes", URL: "https://notes.example/mcp"}); err != nil {
		t.Fatal(err)
	}
	asked, answer := 0, false
	app.config.Confirm = func(_, question string) (bool, error) {
		asked++
		if !strings.Contains(question, "notes") || !strings.Contains(question, "https://notes.example/mcp") {
			t.Errorf("the question does not say whose token it is about: %q", question)
		}
		if _, err := app.CopyToken("notes@default"); !fault.Is(err, fault.Usage) {
			t.Errorf("a second question beside the first: %v", err)
		}
		return answer, nil
	}
	if copied, err := app.CopyToken("notes@default"); copied || err != nil {
		t.Errorf("after a no: %v, %v", copied, err)
	}
	answer = true // the agent is asked only now, and says that there is no token
	if copied, err := app.CopyToken("notes@default"); copied || err == nil {
		t.Errorf("after a yes: %v, %v", copied, err)
	}
	if _, err := app.CopyToken("nobody@default"); !fault.Is(err, fault.UnknownServer) || asked != 2 {
		t.Errorf("of a server that is not there: %v, %d questions", err, asked)
	}
}

func TestInspectExplainsAPastedToken(t *testing.T) {
	app := NewApp(AppConfig{}) // it needs neither a window nor an agent
	part := func(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }
	raw := part(`{"alg":"ES256","kid":"k1"}`) + "." + part(`{"iss":"https://as.example","scope":"a b"}`) + "." + part("signature")
	report, err := app.Inspect("Authorization: Bearer " + raw + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if report.Format != "jwt" || report.Issuer != "https://as.example" || len(report.Scopes) != 2 {
		t.Errorf("it was read as %+v", report)
	}
	if report.Signature.Verdict != "unchecked" {
		t.Errorf("the signature is %q, but there is nobody to ask", report.Signature.Verdict)
	}

	report, err = app.Inspect("not-a-jwt")
	if err != nil || report.Format != "opaque" {
		t.Errorf("an opaque one is read as %q, %v", report.Format, err)
	}

	for _, text := range []string{"", "two words-of-a-secret"} {
		_, err := app.Inspect(text)
		problem := control.ProblemOf(err)
		if !fault.Is(err, fault.Usage) || strings.Contains(problem.What+problem.Next+err.Error(), "secret") {
			t.Errorf("of %q it says %v", text, err)
		}
	}
}
