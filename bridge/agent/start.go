package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"drawbridge/bridge/browser"
	"drawbridge/bridge/config"
	"drawbridge/bridge/desktop"
	"drawbridge/bridge/fault"
)

// maxLog is how long the log of a spawned agent may be before it is set aside.
const maxLog = 1 << 20

// Spawn starts `exe agent ARGS…` for these folders as a process of its own that
// outlives this one, and returns at once: control.Ensure waits for its socket.
// exe "" is this program. args are such as "--on-demand".
func Spawn(p config.Paths, exe string, args ...string) error {
	if exe == "" {
		var err error
		if exe, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
	}
	argv := append([]string{"agent", "--config-dir", p.Config, "--state-dir", p.State}, args...)
	log, err := OpenLog(p)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	return launch(exec.Command(exe, argv...), os.Environ(), log)
}

// OpenLog opens the log of agents that have nobody at their standard error, for
// appending. Close it.
func OpenLog(p config.Paths) (*os.File, error) {
	if err := config.MakePrivate(p.Logs()); err != nil {
		return nil, err
	}
	path := filepath.Join(p.Logs(), "agent.log")
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		_ = os.Rename(path, path+".1") // at worst it grows on
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, fmt.Sprintf("%s cannot be written.", path), "Check that the disk has room and that the folder is yours.")
	}
	return f, nil
}

// launch starts cmd detached from our terminal, streams and working folder.
func launch(cmd *exec.Cmd, env []string, log *os.File) error {
	cmd.Env = env
	cmd.Stderr = log // stdin and stdout are the null device
	if log == nil {
		cmd.Stderr = nil
	}
	if home, err := os.UserHomeDir(); err == nil {
		if info, err := os.Stat(home); err == nil && info.IsDir() {
			cmd.Dir = home
		}
	}
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	go func() { _ = cmd.Wait() }() // ends with the child, which outlives us or leaves no zombie
	return nil
}

// Program finds another program of this installation: beside this one, else on PATH.
func Program(name string) (string, error) {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		path := filepath.Join(filepath.Dir(exe), name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return exec.LookPath(name)
}

// Window makes a Config.OpenWindow that starts the window's program for these
// folders, inside the desktop session. A window that is open already is that
// program's to raise.
func Window(p config.Paths) func(context.Context) error {
	return func(ctx context.Context) error {
		path, err := Program("drawbridge-desktop")
		if err != nil {
			return fault.Wrap(err, fault.Unsupported, "Drawbridge's window is not installed.", "Install drawbridge-desktop beside drawbridge, or use the commands: drawbridge status")
		}
		cmd := exec.Command(path)
		env := append(sessionEnv(ctx), "DRAWBRIDGE_CONFIG_DIR="+p.Config, "DRAWBRIDGE_STATE_DIR="+p.State)
		return fault.Wrap(launch(cmd, env, nil), fault.Internal, "Drawbridge's window could not be started.", "")
	}
}

// sessionEnv is this process's environment, completed from the person's service
// manager when it lacks a display: `stdio` passes on the bare environment that
// its client gave it.
func sessionEnv(ctx context.Context) []string {
	env := os.Environ()
	if runtime.GOOS != "linux" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" {
		return env
	}
	session, err := desktop.Environment(ctx)
	if err != nil {
		return env
	}
	return desktop.Complete(env, session)
}

// Browser makes what opens an address in the browser of the preferences, also
// from a process that was started with a bare environment: with the environment
// of the person's desktop session, else through the desktop portal. See browser.Open.
func Browser(p config.Paths) func(ctx context.Context, address string) error {
	return func(ctx context.Context, address string) error {
		id := ""
		if settings, err := config.Load(p); err == nil { // a sign-in need not fail for it
			id = settings.Desktop.Browser
		}
		return openBrowser(ctx, id, address)
	}
}

func openBrowser(ctx context.Context, id, address string) error {
	err := browser.OpenIn(ctx, sessionEnv(ctx), id, address)
	if err == nil || fault.Is(err, fault.BadURL) {
		return err
	}
	if portalErr := desktop.OpenURI(ctx, address); portalErr != nil {
		return errors.Join(err, portalErr)
	}
	return nil
}
