package main

import (
	"encoding/base64"
	"strings"
	"testing"

	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

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
