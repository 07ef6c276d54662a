package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/flock"

	"drawbridge/bridge/config"
	"drawbridge/test/pipes"
)

func TestSecondWindowShowsTheFirst(t *testing.T) {
	p := testPaths(t)
	shown := make(chan string, 10)
	first, err := takeWindow(t.Context(), p, "", func(link string) bool { shown <- link; return true })
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	const link = "drawbridge://add?url=https://mcp.example/"
	for given, want := range map[string]string{
		"": "", link: link, "--flag": "", // nothing but a link is handed on
		link + strings.Repeat("x", 2*maxLink): (link + strings.Repeat("x", 2*maxLink))[:maxLink+1], // to be refused
	} {
		if _, err := takeWindow(t.Context(), p, given, func(string) bool { t.Error("the second was shown"); return true }); !errors.Is(err, errOtherWindow) {
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
		first := &window{listener: callers, show: func(link string) bool { shown <- link; return true }}
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
	first, err := takeWindow(t.Context(), p, "", func(string) bool { return true })
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
	second, err := takeWindow(t.Context(), p, "", func(string) bool { return true })
	if err != nil {
		t.Fatalf("after one that is gone: %v", err)
	}
	second.close()
}

// A second start comes when the first window ends: it is not shown any more, so the
// second takes its place.
func TestWindowAfterOneThatEnds(t *testing.T) {
	p := testPaths(t)
	asked := make(chan string, 1)
	first, err := takeWindow(t.Context(), p, "", func(link string) bool { asked <- link; return false })
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		second, err := takeWindow(t.Context(), p, "", func(string) bool { return true })
		if err == nil {
			second.close()
		}
		ended <- err
	}()
	<-asked
	first.close()
	if err := <-ended; err != nil {
		t.Errorf("the second start: %v", err)
	}
}

// A window of an older release shows itself and says nothing: it is asked once.
func TestWindowBesideAnOlderOne(t *testing.T) {
	p := testPaths(t)
	dir := filepath.Dir(p.Socket())
	if err := config.MakePrivate(dir); err != nil {
		t.Fatal(err)
	}
	lock := flock.New(filepath.Join(dir, "window.lock"))
	if mine, err := lock.TryLock(); err != nil || !mine {
		t.Fatal(mine, err)
	}
	defer func() { _ = lock.Unlock() }()
	listener, err := net.Listen("unix", filepath.Join(dir, "window.sock"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := make(chan int, 1)
	go func() {
		n := 0
		for {
			conn, err := listener.Accept()
			if err != nil {
				asked <- n
				return
			}
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
			if n++; n == 1 {
				time.AfterFunc(200*time.Millisecond, cancel) // ten times the pause between two looks
			}
		}
	}()
	if _, err := takeWindow(ctx, p, "", func(string) bool { return true }); !errors.Is(err, errOtherWindow) {
		t.Errorf("the second start: %v", err)
	}
	_ = listener.Close()
	if n := <-asked; n != 1 {
		t.Errorf("the older one was asked %d times", n)
	}
}
