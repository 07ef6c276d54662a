package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/test/pipes"
)

func TestSecondWindowShowsTheFirst(t *testing.T) {
	p := testPaths(t)
	shown := make(chan string, 10)
	first, err := takeWindow(t.Context(), p, "", func(link string) { shown <- link })
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	const link = "drawbridge://add?url=https://mcp.example/"
	for given, want := range map[string]string{
		"": "", link: link, "--flag": "", // nothing but a link is handed on
		link + strings.Repeat("x", 2*maxLink): (link + strings.Repeat("x", 2*maxLink))[:maxLink+1], // to be refused
	} {
		if _, err := takeWindow(t.Context(), p, given, func(string) { t.Error("the second was shown") }); !errors.Is(err, errOtherWindow) {
			t.Fatalf("second: %v, want errOtherWindow", err)
		}
		select {
		case got := <-shown:
			if got != want {
				t.Errorf("the first gets %.60q, want %.60q", got, want)
			}
		case <-time.After(patience):
			t.Error("the first was not shown")
		}
	}
}

// Whoever connects and says nothing, or does not end, only wants to see the window.
func TestAWindowDoesNotWaitForSomebodySilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shown := make(chan string, 1)
		callers := pipes.New()
		first := &window{listener: callers, show: func(link string) { shown <- link }}
		first.wg.Go(first.serve)
		begun := time.Now()
		silent, _, err := callers.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := silent.Write([]byte("drawbridge://add?url=https://mcp.example/")); err != nil {
			t.Fatal(err)
		}
		if got := <-shown; got != "" {
			t.Errorf("an unfinished link was taken: %q", got)
		}
		if took := time.Since(begun); took != singleTime {
			t.Errorf("it waits %v for the end", took)
		}
		_ = callers.Close()
		first.wg.Wait()
	})
}

func TestWindowAfterOneThatIsGone(t *testing.T) {
	p := testPaths(t)
	first, err := takeWindow(t.Context(), p, "", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	first.close()

	// A socket that a killed process left behind.
	socket := filepath.Join(filepath.Dir(p.Socket()), "window.sock")
	if err := config.MakePrivate(filepath.Dir(socket)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := takeWindow(t.Context(), p, "", func(string) {})
	if err != nil {
		t.Fatalf("after one that is gone: %v", err)
	}
	second.close()
}
