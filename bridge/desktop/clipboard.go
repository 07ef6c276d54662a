package desktop

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
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
	for _, tool := range clipboards(env) {
		argv := tool.copy
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

// clipboardsOf are the programs for the clipboard, the best first; set reports
// whether a variable of the environment is set.
func clipboardsOf(set func(name string) bool) []clipboard {
	switch runtime.GOOS {
	case "windows":
		read := "[Console]::OutputEncoding=[Text.Encoding]::UTF8;[Console]::Out.Write((Get-Clipboard -Raw))"
		return []clipboard{{[]string{"clip.exe"}, []string{"powershell.exe", "-NoProfile", "-NonInteractive", "-Command", read}}}
	case "darwin":
		return []clipboard{{[]string{"/usr/bin/pbcopy"}, []string{"/usr/bin/pbpaste"}}}
	}
	var all []clipboard
	if set("WAYLAND_DISPLAY") {
		all = append(all, clipboard{[]string{"wl-copy"}, []string{"wl-paste", "--no-newline"}})
	}
	if set("DISPLAY") {
		all = append(all,
			clipboard{[]string{"xclip", "-selection", "clipboard"}, []string{"xclip", "-selection", "clipboard", "-o"}},
			clipboard{[]string{"xsel", "--clipboard", "--input"}, []string{"xsel", "--clipboard", "--output"}})
	}
	return all
}
