package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"drawbridge/bridge/config"
)

func TestSecondWindowShowsTheFirst(t *testing.T) {
	p := testPaths(t)
	shown := make(chan bool, 10)
	first, err := takeWindow(t.Context(), p, func() { shown <- true })
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	if _, err := takeWindow(t.Context(), p, func() { t.Error("the second was shown") }); !errors.Is(err, errOtherWindow) {
		t.Fatalf("second: %v, want errOtherWindow", err)
	}
	select {
	case <-shown:
	case <-time.After(2 * time.Second):
		t.Error("the first was not shown")
	}
}

func TestWindowAfterOneThatIsGone(t *testing.T) {
	p := testPaths(t)
	first, err := takeWindow(t.Context(), p, func() {})
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
	second, err := takeWindow(t.Context(), p, func() {})
	if err != nil {
		t.Fatalf("after one that is gone: %v", err)
	}
	second.close()
}
