//go:build !linux

package desktop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// OffersActions tells whether notifications have actions here.
const OffersActions = false

// Notify shows a notification through a program of the system. These offer no
// action, so that nothing is ever chosen: the icon has it. ErrNoSession means that
// this system has none.
func Notify(ctx context.Context, n Notification) (chosen bool, err error) {
	argv, env, ok := notifier(runtime.GOOS, n)
	if !ok {
		return false, ErrNoSession
	}
	ctx, cancel := context.WithTimeout(ctx, showLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.WaitDelay = append(os.Environ(), env...), time.Second
	withoutConsole(cmd)
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return false, fmt.Errorf("show a notification: %w", err)
	}
	return false, nil
}

// showLimit is longer than a notification is shown.
const showLimit = 20 * time.Second
