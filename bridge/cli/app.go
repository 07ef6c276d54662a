package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"drawbridge/bridge/agent"
	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/vault"
)

// keychainVariable names another service in the keychain: the demo and the
// tests keep their entries apart from the person's with it.
const keychainVariable = "DRAWBRIDGE_KEYCHAIN_SERVICE"

// app is one run of the program.
type app struct {
	Process
	configDir, stateDir string
	vaultKind           string // "": as the settings say
	mayAsk, attended    bool   // see attend
	verbose             bool
	shared              *connections // nil: each session makes its own
}

func (a *app) paths() (config.Paths, error) { return config.Locate(a.configDir, a.stateDir) }

// log writes to standard error: warnings, or everything with --verbose.
func (a *app) log() *slog.Logger {
	if a.verbose {
		return logTo(a.Stderr, slog.LevelDebug)
	}
	return logTo(a.Stderr, slog.LevelWarn)
}

func logTo(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// openBrowser opens an address in the browser of the person's preferences.
func (a *app) openBrowser(ctx context.Context, address string) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	return agent.Browser(p)(ctx, address)
}

// quietLog is for commands that a person reads: what matters comes as an error.
func (a *app) quietLog() *slog.Logger {
	if a.verbose {
		return a.log()
	}
	return slog.New(slog.DiscardHandler)
}

// openVault opens the vault of the settings, or the one of --vault. It fails
// where this process could not use it anyway: a passphrase is wanted, say, and
// nobody can be asked.
func (a *app) openVault(p config.Paths) (*vault.Vault, error) {
	c := vault.Config{Paths: p, Service: os.Getenv(keychainVariable), Attended: a.attended}
	switch a.vaultKind {
	case "":
	case config.KeychainVault:
		c.Choice = &config.Vault{Kind: config.KeychainVault}
	case config.FileVault: // with the key file of the settings, if they name one
		settings, err := config.Load(p)
		if err != nil {
			return nil, err
		}
		c.Choice = &config.Vault{Kind: config.FileVault, KeyFile: settings.Vault.KeyFile}
	case "memory":
		if a.Memory != nil {
			return a.Memory, nil
		}
		return vault.NewMemory(), nil
	default:
		return nil, fault.New(fault.Usage, fmt.Sprintf("There is no vault %q.", a.vaultKind), "Use --vault keychain, --vault file or --vault memory.")
	}
	if a.mayAsk && vault.HasTerminal() {
		c.Ask = vault.Terminal
	}
	v := vault.Open(c)
	return v, v.CanOpen()
}

// manager makes the credential manager. Close it, so that a renewal under way
// is not lost.
func (a *app) manager(p config.Paths, log *slog.Logger) (*credential.Manager, error) {
	v, err := a.openVault(p)
	if err != nil {
		return nil, err
	}
	return credential.NewManager(credential.Config{Paths: p, Vault: v, HTTP: remote.NewHTTP(), Heard: a.recordSignIn(p, log), Log: log, Version: a.Version}), nil
}

// renewalLimit bounds the wait for a renewal under way at the end.
const renewalLimit = 10 * time.Second

func closeManager(m *credential.Manager) {
	ctx, cancel := context.WithTimeout(context.Background(), renewalLimit)
	defer cancel()
	m.Close(ctx)
}
