package desktop

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// ErrNoClipboard means that nothing here puts a text into the clipboard.
var ErrNoClipboard = errors.New("no program for the clipboard")

// copyLimit bounds handing a text over.
const copyLimit = 5 * time.Second

// Copy puts a text into the clipboard, through the program that the system, or
// the person, has for it. On Linux a clipboard is kept by the program that it
// came from, and this process draws nothing. env is NAME=VALUE.
func Copy(ctx context.Context, env []string, text string) error {
	ctx, cancel := context.WithTimeout(ctx, copyLimit)
	defer cancel()
	failed := ErrNoClipboard
	for _, argv := range copiers(env) {
		path, err := exec.LookPath(argv[0])
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, argv[1:]...)
		cmd.Env, cmd.Stdin, cmd.WaitDelay = env, strings.NewReader(text), time.Second
		if err := cmd.Run(); err != nil {
			failed = fmt.Errorf("%s: %w", argv[0], err)
			continue
		}
		return nil
	}
	return fmt.Errorf("copy to the clipboard: %w", failed)
}

func copiers(env []string) [][]string {
	switch runtime.GOOS {
	case "windows":
		return [][]string{{"clip.exe"}}
	case "darwin":
		return [][]string{{"/usr/bin/pbcopy"}}
	}
	set := func(name string) bool {
		return slices.ContainsFunc(env, func(line string) bool { return strings.HasPrefix(line, name+"=") && len(line) > len(name)+1 })
	}
	var all [][]string
	if set("WAYLAND_DISPLAY") {
		all = append(all, []string{"wl-copy"})
	}
	if set("DISPLAY") {
		all = append(all, []string{"xclip", "-selection", "clipboard"}, []string{"xsel", "--clipboard", "--input"})
	}
	return all
}
