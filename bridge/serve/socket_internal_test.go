package serve

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"drawbridge/bridge/fault"
)

// shortFolder has room for a socket's path, which systems keep short.
func shortFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dbs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func mustReach(t *testing.T, path string) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

// Of bridges that start at once on one socket one has it, and is reached there.
func TestOneSocketHasOneBridge(t *testing.T) {
	path := filepath.Join(shortFolder(t), "bridge.sock")
	for range 20 {
		var group sync.WaitGroup
		got := make(chan net.Listener, 8)
		for range cap(got) {
			group.Go(func() {
				l, err := listenSocket(t.Context(), path)
				if err == nil {
					got <- l
				} else if !fault.Is(err, fault.CannotListen) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(got) != 1 {
			t.Fatalf("%d bridges have the socket", len(got))
		}
		mustReach(t, path)
		if err := (<-got).Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A bridge that ends leaves the next one's socket alone, and nothing of its own.
func TestASocketThatEndsIsGone(t *testing.T) {
	path := filepath.Join(shortFolder(t), "bridge.sock")
	first, err := listenSocket(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("its file: %v", err)
	}
	second, err := listenSocket(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	if err := first.Close(); err == nil {
		t.Error("closed again without an error")
	}
	mustReach(t, path)
}

// A socket that is left over, and one that was only half made, are replaced.
func TestALeftOverSocketIsReplaced(t *testing.T) {
	dir := shortFolder(t)
	path := filepath.Join(dir, "bridge.sock")
	for _, left := range []string{path, filepath.Join(dir, ".bridge.sock")} {
		l, err := net.Listen("unix", left)
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		_ = l.Close()
	}
	l, err := listenSocket(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	mustReach(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode: %v, %v", info, err)
	}
}

// An address that somebody else has may be free later: not the settings' mistake.
func TestAnAddressInUseIsNotAUsageError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := (Config{Listen: l.Addr().String()}).listen(t.Context()); !fault.Is(err, fault.CannotListen) {
		t.Errorf("%v", err)
	}
	if _, err := (Config{Listen: "127.0.0.1:99999"}).listen(t.Context()); !fault.Is(err, fault.Usage) {
		t.Errorf("no port at all: %v", err)
	}
}
