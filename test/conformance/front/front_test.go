package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What passes with the server itself passes through Drawbridge, and what is
// about the listener passes whatever is behind it.
func TestNothingIsLostThroughTheFront(t *testing.T) {
	if os.Getenv("DRAWBRIDGE_E2E") == "" {
		t.Skip("DRAWBRIDGE_E2E=1 runs the official conformance suite")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
	defer cancel()
	binary := os.Getenv("DRAWBRIDGE_TEST_BINARY")
	if binary == "" {
		var err error
		if binary, err = build(ctx, t.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	server, err := startServer(ctx, filepath.Join(here(), "..", "fixtures.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	front, err := startFront(ctx, binary, t.TempDir(), server.url)
	if err != nil {
		t.Fatal(err)
	}
	defer front.stop()
	run := func(revision, url string) map[string]verdict {
		all, err := runSuite(ctx, "conformance-alpha", revision, url, t.TempDir(), false)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	passed := 0
	through := run("2025-11-25", front.url)
	for scenario, v := range run("2025-11-25", server.url) {
		if v.name == "pass" {
			passed++
			if got := through[scenario]; got.name != "pass" {
				t.Errorf("%s through Drawbridge: %s %v", scenario, got.name, got.bad)
			}
		}
	}
	if passed < 25 {
		t.Errorf("%d scenarios pass with the server itself: the test looks in the wrong place", passed)
	}
	modern := run("2026-07-28", front.url)
	for _, scenario := range []string{"dns-rebinding-protection", "http-header-validation", "caching", "server-sse-multiple-streams", "tools-list", "http-custom-header-server-validation"} {
		if got := modern[scenario]; got.name != "pass" {
			t.Errorf("%s at 2026-07-28: %s %v", scenario, got.name, got.bad)
		}
	}
	later, err := startServer(ctx, filepath.Join(here(), "..", "..", "eras", "conformance.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	defer later.stop()
	before, err := startFront(ctx, binary, t.TempDir(), later.url)
	if err != nil {
		t.Fatal(err)
	}
	defer before.stop()
	passed, through = 0, run("2026-07-28", before.url)
	for scenario, v := range run("2026-07-28", later.url) {
		if v.name == "pass" {
			passed++
			if got := through[scenario]; got.name != "pass" {
				t.Errorf("%s at a server of 2026-07-28, through Drawbridge: %s %v", scenario, got.name, got.bad)
			}
		}
	}
	if passed < 15 {
		t.Errorf("%d scenarios pass with the server of 2026-07-28 itself: the test looks in the wrong place", passed)
	}
}
