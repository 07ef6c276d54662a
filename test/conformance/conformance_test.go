package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const ciDeadline = 25 * time.Minute

// inCI are the scenarios that fit into make test; make conformance runs all.
var inCI = strings.Join([]string{
	"initialize", "tools_call", "elicitation", "sse-retry", "request-metadata", "sep-2322", "http-", "json-schema",
	"auth/metadata-default", "auth/scope-step-up", "auth/pre-registration", "auth/authorization-server-migration", "auth/iss-wrong",
	"auth/client-credentials-jwt", "auth/enterprise-managed", "auth/dpop-nonce", "auth/wif",
}, ",")

// What docs/conformance.md says passes, passes.
func TestWhatPassedStillPasses(t *testing.T) {
	if os.Getenv("DRAWBRIDGE_E2E") == "" {
		t.Skip("DRAWBRIDGE_E2E=1 runs the official conformance suite")
	}
	ctx, cancel := context.WithTimeout(context.Background(), ciDeadline)
	defer cancel()
	raw, err := os.ReadFile(filepath.Join(here(), "..", "..", "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := parseReport(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBench(ctx, os.Getenv("DRAWBRIDGE_TEST_BINARY"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	all, err := b.Runs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var expected []Run
	for _, r := range choose(all, inCI) {
		if recorded.rows[r.key()][r.Host] == string(Pass) {
			expected = append(expected, r)
		}
	}
	if len(expected) < 10 {
		t.Fatalf("docs/conformance.md records %d of these scenarios as passed: the test looks in the wrong place", len(expected))
	}
	for _, r := range b.Run(ctx, expected, 2, nil) {
		if r.Verdict != Pass {
			t.Errorf("%s of suite %s at %s with the %s host: %s\n\t%s", r.Scenario, r.Suite, r.Version, r.Host, r.Verdict, strings.Join(r.Bad, "\n\t"))
		}
	}
}

func TestReportKeepsOtherRowsAndText(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.md")
	before := "# Title\n" + begin + header + "| a | 1 | – | pass | fail: x |\n| auth/b | 1 | 2026-07-28 | fail: y | pass |\n" + end + "the end\n"
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := tabulate([]Result{
		{Run: Run{Scenario: "auth/b", Suite: "1", Version: "2026-07-28", Host: Legacy}, Verdict: Pass},
		{Run: Run{Scenario: "c", Suite: "1", Host: Modern}, Verdict: Warnings, Bad: []string{"a | b\nc"}},
	})
	if err := writeReport(file, fresh); err != nil {
		t.Fatal(err)
	}
	want := "# Title\n" + begin + header +
		"| a | 1 | – | pass | fail: x |\n| c | 1 | – |  | warnings: a / b c |\n| auth/b | 1 | 2026-07-28 | pass | pass |\n" + end + "the end\n"
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("report:\n%s\nwant:\n%s", got, want)
	}
}
