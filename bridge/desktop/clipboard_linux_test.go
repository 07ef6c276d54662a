package desktop

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// display starts an X server of its own and returns an environment for it.
func display(t *testing.T) []string {
	t.Helper()
	for _, program := range []string{"Xvfb", "xclip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here", program)
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = read.Close() }()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "320x200x24", "-noreset", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{write}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if err := read.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return []string{"PATH=" + os.Getenv("PATH"), "DISPLAY=:" + strings.TrimSpace(number)}
}

func TestASecretIsTakenOffTheClipboard(t *testing.T) {
	env := display(t)
	ctx := t.Context()
	held := func() string {
		t.Helper()
		raw, err := paste(ctx, env)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	// xclip returns a moment before the clipboard is its own.
	holds := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(patience); held() != want; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the clipboard holds %q, want %q", held(), want)
			}
		}
	}
	take, err := CopySecret(ctx, env, "the-secret")
	if err != nil {
		t.Fatal(err)
	}
	holds("the-secret")
	if err := take(ctx); err != nil {
		t.Fatal(err)
	}
	holds("")

	if take, err = CopySecret(ctx, env, "the-secret"); err != nil {
		t.Fatal(err)
	}
	holds("the-secret")
	if err := Copy(ctx, env, "another text"); err != nil {
		t.Fatal(err)
	}
	holds("another text")
	if err := take(ctx); err != nil || held() != "another text" {
		t.Errorf("what the person has copied since is %q, %v", held(), err)
	}
}

// A program that puts out without an end is read as far as is bearable.
func TestAClipboardWithoutEnd(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in *-o) head -c 5000000 /dev/zero;; *) cat >/dev/null;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "xclip"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	env := []string{"PATH=" + os.Getenv("PATH"), "DISPLAY=:0"}
	raw, err := paste(context.Background(), env)
	if err != nil || len(raw) != maxPaste {
		t.Errorf("it reads %d bytes, %v", len(raw), err)
	}
}
