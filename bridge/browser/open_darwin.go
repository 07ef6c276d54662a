package browser

import (
	"context"
	"os/exec"
	"syscall"
)

func openDefault(ctx context.Context, env []string, address string) error {
	return start(ctx, env, []string{"/usr/bin/open", address})
}

func find(_ []string, name string) (string, error) { return exec.LookPath(name) }

func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
