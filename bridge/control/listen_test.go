//go:build unix

package control

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

func TestSocketAndFolderArePrivate(t *testing.T) {
	p := folders(t)
	l, err := Listen(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	for path, want := range map[string]os.FileMode{p.Socket(): 0o600, filepath.Dir(p.Socket()): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o, want %04o", path, got, want)
		}
	}
}

func TestSecondAgentIsRefused(t *testing.T) {
	p := folders(t)
	serve(t, p, &backend{})
	if _, err := Listen(t.Context(), p); !errors.Is(err, ErrRunning) {
		t.Fatalf("second Listen = %v, want ErrRunning", err)
	}
	c := Dial(p)
	defer c.Close()
	if _, err := c.Snapshot(t.Context()); err != nil {
		t.Fatalf("the first agent is gone: %v", err)
	}
}

func TestOnlyOneOfManyWins(t *testing.T) {
	p := folders(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var won []*Listener
	for range 8 {
		wg.Go(func() {
			l, err := Listen(t.Context(), p)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = append(won, l)
			case !errors.Is(err, ErrRunning):
				t.Errorf("Listen = %v", err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d agents won, want 1", len(won))
	}
	won[0].Release()
	l, err := Listen(t.Context(), p)
	if err != nil {
		t.Fatalf("after the first one's end: %v", err)
	}
	l.Release()
}

func TestDeadAgentsSocketIsReplaced(t *testing.T) {
	p := folders(t)
	if err := config.MakePrivate(filepath.Dir(p.Socket())); err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: p.Socket(), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false) // as a killed process leaves it
	_ = dead.Close()
	c, _ := serve(t, p, &backend{})
	if _, err := c.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestLivingSocketWithoutLockIsLeftAlone(t *testing.T) {
	p := folders(t)
	serve(t, p, &backend{})
	if err := os.Remove(filepath.Join(filepath.Dir(p.Socket()), "agent.lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), p); !errors.Is(err, ErrRunning) {
		t.Fatalf("Listen = %v, want ErrRunning", err)
	}
}

func TestFileInThePlaceOfTheSocketIsKept(t *testing.T) {
	p := folders(t)
	if err := config.MakePrivate(filepath.Dir(p.Socket())); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Socket(), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), p); !fault.Is(err, fault.Storage) {
		t.Fatalf("Listen = %v, want a storage fault", err)
	}
	if got, _ := os.ReadFile(p.Socket()); string(got) != "mine" {
		t.Fatal("the file was touched")
	}
}

func TestUnsafeFolderIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		spin func(t *testing.T, dir string)
		want string
	}{
		{"group may enter", func(t *testing.T, dir string) { mkdir(t, dir, 0o750) }, "others may enter"},
		{"everybody may enter", func(t *testing.T, dir string) { mkdir(t, dir, 0o777) }, "others may enter"},
		{"a link", func(t *testing.T, dir string) {
			mkdir(t, filepath.Dir(dir), 0o700)
			if err := os.Symlink(t.TempDir(), dir); err != nil {
				t.Fatal(err)
			}
		}, "not a folder"},
		{"another user's", func(t *testing.T, dir string) {
			if os.Getuid() != 0 {
				t.Skip("only root can give a folder away")
			}
			mkdir(t, dir, 0o700)
			if err := os.Chown(dir, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}, "another user"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := folders(t)
			tc.spin(t, filepath.Dir(p.Socket()))
			l, err := Listen(t.Context(), p)
			if err == nil {
				l.Release()
			}
			if !fault.Is(err, fault.Storage) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Listen = %v, want %q", err, tc.want)
			}
			c := Dial(p)
			defer c.Close()
			if _, err := c.Snapshot(t.Context()); !fault.Is(err, fault.Storage) {
				t.Errorf("the client says %v", err)
			}
		})
	}
}

func mkdir(t *testing.T, dir string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
}

func TestWhatABrowserSendsIsRefused(t *testing.T) {
	p := folders(t)
	b := &backend{}
	c, _ := serve(t, p, b)
	for _, tc := range []struct {
		name   string
		change func(*http.Request)
		want   int
	}{
		{"as our client does", func(*http.Request) {}, http.StatusNoContent},
		{"another host", func(r *http.Request) { r.Host = "localhost" }, http.StatusForbidden},
		{"an origin", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		{"a null origin", func(r *http.Request) { r.Header.Set("Origin", "null") }, http.StatusForbidden},
		{"a fetch", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }, http.StatusForbidden},
		{"a form", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusUnsupportedMediaType},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+host+"/v1/window", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			tc.change(r)
			resp, err := c.http.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != tc.want {
				t.Errorf("status %d, want %d", resp.StatusCode, tc.want)
			}
		})
	}
	if got := len(b.log()); got != 1 {
		t.Errorf("%d requests got through, want 1", got)
	}
}

func TestBodiesAreBoundedAndChecked(t *testing.T) {
	b := &backend{}
	c, _ := serve(t, folders(t), b)
	for name, body := range map[string][]byte{
		"too long":  append([]byte(`{"name":"`), bytes.Repeat([]byte("a"), maxBody)...),
		"not JSON":  []byte("name=demo"),
		"two":       []byte(`{} {}`),
		"cut short": []byte(`{"name":`),
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+host+"/v1/servers", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := c.http.Do(r)
		if name == "too long" && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)) {
			continue // hung up on before it could read the answer
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
	}
	if got := b.log(); len(got) != 0 {
		t.Errorf("the backend was asked %q", got)
	}
}
