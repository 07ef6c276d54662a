package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
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
		case <-time.After(2 * singleTime):
			t.Error("the first was not shown")
		}
	}
}

// Whoever connects and says nothing, or does not end, only wants to see the window.
func TestAWindowDoesNotWaitForSomebodySilent(t *testing.T) {
	p := testPaths(t)
	shown := make(chan string, 1)
	first, err := takeWindow(t.Context(), p, "", func(link string) { shown <- link })
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	conn, err := net.Dial("unix", filepath.Join(filepath.Dir(p.Socket()), "window.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("drawbridge://add?url=https://mcp.example/")); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-shown:
		if got != "" {
			t.Errorf("an unfinished link was taken: %q", got)
		}
	case <-time.After(5 * singleTime):
		t.Error("it waits for the end")
	}
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
