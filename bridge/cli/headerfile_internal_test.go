package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A file that is replaced in place is empty, gone or half for a moment; no request
// may go without its headers for that.
func TestAHeaderFileThatIsBeingWrittenDoesNotCountYet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headers")
	now := time.Now()
	f := &headerFile{path: path}
	later := func(d time.Duration) { now = now.Add(d) }
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
	}
	says := func(when, want string) {
		t.Helper()
		headers, err := f.read(now)
		if err != nil || headers["X-Api-Key"] != want {
			t.Errorf("%s: %v, %v; want the key %q", when, headers, err, want)
		}
	}
	write("X-Api-Key: one\n")
	says("at first", "one")

	later(time.Minute)
	write("")
	says("emptied", "one")
	later(fileMissing - time.Second)
	says("still empty", "one")
	write("X-Api-Ke")
	says("half", "one")
	write("X-Api-Key: tw")
	says("more of it", "one")
	write("X-Api-Key: two\n")
	later(fileSettles)
	says("whole", "two")

	later(time.Minute)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	says("gone", "two")
	later(fileMissing)
	if headers, err := f.read(now); err == nil {
		t.Errorf("gone for good: %v", headers)
	}
	write("")
	says("emptied for good", "")
	write("X-Api-Key: three\n")
	later(time.Minute)
	says("back again", "three")
}
