//go:build unix && !darwin

package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// openers open an address in the desktop's browser, the best one first.
var openers = []string{"xdg-open", "x-www-browser", "gio open", "wslview"}

// openDefault runs the first opener that is there and works. Without a display
// nothing is run: xdg-open would start a text browser with nobody at it.
func openDefault(ctx context.Context, env []string, address string) error {
	list := openers
	if lookup(env, "DISPLAY") == "" && lookup(env, "WAYLAND_DISPLAY") == "" {
		if lookup(env, "WSL_DISTRO_NAME") == "" {
			return errors.New("there is no display (DISPLAY and WAYLAND_DISPLAY are not set)")
		}
		list = []string{"wslview"}
	}
	var errs []error
	for _, opener := range list {
		err := start(ctx, env, append(strings.Fields(opener), address))
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// find looks a program up in the PATH of env, not in ours.
func find(env []string, name string) (string, error) {
	if strings.ContainsRune(name, '/') {
		return exec.LookPath(name)
	}
	for _, dir := range filepath.SplitList(lookup(env, "PATH")) {
		if !filepath.IsAbs(dir) {
			continue // never what lies in the working folder
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("find %s: %w", name, exec.ErrNotFound)
}

func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
