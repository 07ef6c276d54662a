package desktop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os/exec"
	"strings"
	"time"
)

// maxPaste bounds what is read of a clipboard: more is no secret of ours.
const maxPaste = 1 << 20

// CopySecret is Copy for a text that is not to stay: take takes it off the
// clipboard again, unless something else is there by then. Of the text itself
// nothing is kept for that.
func CopySecret(ctx context.Context, env []string, text string) (take func(context.Context) error, err error) {
	if err := Copy(ctx, env, text); err != nil {
		return nil, err
	}
	ours := sha256.Sum256([]byte(text))
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, copyLimit)
		defer cancel()
		held, err := paste(ctx, env)
		if err != nil {
			return err
		}
		defer clear(held)
		if sha256.Sum256(bytes.TrimRight(held, "\r\n")) != ours { // some programs add a line's end
			return nil
		}
		return Copy(ctx, env, "")
	}, nil
}

// paste reads the clipboard; one that holds no text is empty.
func paste(ctx context.Context, env []string) ([]byte, error) {
	failed := ErrNoClipboard
	for _, tool := range clipboards(env) {
		path, err := exec.LookPath(tool.paste[0])
		if err != nil {
			continue
		}
		held := &bounded{most: maxPaste}
		cmd := exec.CommandContext(ctx, path, tool.paste[1:]...)
		cmd.Env, cmd.Stdout, cmd.WaitDelay = env, held, time.Second
		var ended *exec.ExitError
		if err := cmd.Run(); err != nil && (!errors.As(err, &ended) || ctx.Err() != nil) {
			failed = err
			continue
		}
		return held.held, nil // an exit status says that there is no text
	}
	return nil, failed
}

// bounded takes no more than so many bytes, and lets the rest go.
type bounded struct {
	held []byte
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.held = append(b.held, p[:min(len(p), b.most-len(b.held))]...)
	return len(p), nil
}

// clipboard is a program that writes the clipboard, and the one that reads it.
type clipboard struct{ copy, paste []string }

func clipboards(env []string) []clipboard {
	return clipboardsOf(func(name string) bool {
		for _, line := range env {
			if value, ok := strings.CutPrefix(line, name+"="); ok && value != "" {
				return true
			}
		}
		return false
	})
}
