package tour

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"drawbridge/bridge/fault"
)

// keychainStart bounds the start of the private keychain.
const keychainStart = 30 * time.Second

// startKeychain starts a session bus and an unlocked gnome-keyring of our own
// for a machine that has none, with its files under dir, and points this
// process at it (DBUS_SESSION_BUS_ADDRESS). stop ends both and puts the
// environment back. Nothing that is kept there outlives dir.
func startKeychain(ctx context.Context, dir string) (stop func(), err error) {
	for _, sub := range []string{"run", "data"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fault.Wrap(err, fault.Storage, "No folder can be made for the demo's keychain.", "Check that the disk has room.")
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	bus := exec.CommandContext(ctx, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address",
		"--address=unix:path="+filepath.Join(dir, "run", "bus"))
	address, err := startBus(bus)
	if err != nil {
		cancel()
		return nil, missing(err, "dbus-daemon", "dbus")
	}
	keyring := exec.CommandContext(ctx, "gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	keyring.Stdin = strings.NewReader("\n") // an empty password: the keychain lives for minutes
	keyring.Env = append(os.Environ(), "DBUS_SESSION_BUS_ADDRESS="+address, "HOME="+dir,
		"XDG_DATA_HOME="+filepath.Join(dir, "data"), "XDG_RUNTIME_DIR="+filepath.Join(dir, "run"))
	if err := keyring.Start(); err != nil {
		cancel()
		_ = bus.Wait()
		return nil, missing(err, "gnome-keyring-daemon", "gnome-keyring")
	}
	before, had := os.LookupEnv("DBUS_SESSION_BUS_ADDRESS")
	stop = func() {
		cancel()
		_, _ = keyring.Wait(), bus.Wait()
		if had {
			_ = os.Setenv("DBUS_SESSION_BUS_ADDRESS", before)
		} else {
			_ = os.Unsetenv("DBUS_SESSION_BUS_ADDRESS")
		}
	}
	if err := os.Setenv("DBUS_SESSION_BUS_ADDRESS", address); err != nil {
		stop()
		return nil, fmt.Errorf("start keychain: %w", err)
	}
	if err := waitForKeychain(ctx, address); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// startBus starts the bus and reads its address.
func startBus(bus *exec.Cmd) (string, error) {
	out, err := bus.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := bus.Start(); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = bus.Process.Kill()
		_ = bus.Wait()
		return "", fmt.Errorf("read the bus address: %w", err)
	}
	return strings.TrimSpace(line), nil
}

func missing(err error, program, debian string) error {
	return fault.Wrap(err, fault.NoKeychain, fmt.Sprintf("There is no keychain here, and %s for a private one could not be started.", program),
		"Install it (Debian: apt install "+debian+").")
}
