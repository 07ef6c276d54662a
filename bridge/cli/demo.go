package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/browser"
	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/demo"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/token"
)

const (
	demoName = "demo"
	// demoService keeps the demo's keychain entries apart from the person's.
	demoService = "drawbridge-demo"
	// demoPerson signs in where there is no display.
	demoPerson = "ada@example.com"
)

func (a *app) demo() *cobra.Command {
	lifetime := demo.DefaultTokenLifetime
	headless := false
	cmd := &cobra.Command{
		Use: "demo", GroupID: "more",
		Short: "Try the whole thing on a built-in server: no account, no network",
		Long: `Start a demo authorization server and a demo MCP server on this computer, sign in
to it, connect a client to it and let a token be renewed. Your own settings and
keychain entries are not touched, and nothing stays behind.`,
		Example: "  drawbridge demo\n  drawbridge demo --headless",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			t := &tour{app: a, headless: headless || !hasDisplay(), lifetime: lifetime}
			return t.run(cmd.Context())
		},
	}
	cmd.Flags().DurationVar(&lifetime, "token-lifetime", lifetime, "life of the demo's access tokens")
	cmd.Flags().BoolVar(&headless, "headless", false, "play the browser's part too, even with a display, and end after the transcript")
	return cmd
}

// hasDisplay reports whether a browser could be shown to somebody.
func hasDisplay() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return true
	}
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// tour is one run of the demo.
type tour struct {
	*app
	headless bool
	lifetime time.Duration

	paths   config.Paths
	server  *demo.Demo
	account *credential.Account
	step    int
}

// say prints a numbered step.
func (t *tour) say(format string, args ...any) {
	t.step++
	fmt.Fprintf(t.Stdout, "%2d. %s\n", t.step, fmt.Sprintf(format, args...))
}

// detail prints a line that belongs to the step before it.
func (t *tour) detail(format string, args ...any) {
	fmt.Fprintf(t.Stdout, "      %s\n", fmt.Sprintf(format, args...))
}

func (t *tour) run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "drawbridge-demo-")
	if err != nil {
		return fault.Wrap(err, fault.Storage, "No temporary folder can be made for the demo.", "Check that the disk has room.")
	}
	defer func() { _ = os.RemoveAll(dir) }()
	t.paths = config.Paths{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state")}
	fmt.Fprintln(t.Stdout, "Drawbridge demo. All of it runs on this computer; your own settings and sign-ins are not touched.")
	fmt.Fprintln(t.Stdout)

	if err := os.Setenv(keychainVariable, demoService); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	stopKeychain, err := t.ensureKeychain(ctx, dir)
	if err != nil {
		return err
	}
	defer stopKeychain()

	t.server, err = demo.Start(ctx, demo.Config{TokenLifetime: t.lifetime, Log: t.quietLog()})
	if err != nil {
		return err
	}
	defer func() { _ = t.server.Close() }()
	t.say("Started a demo authorization server and a protected MCP server: %s", t.server.URL())

	server := config.Server{Name: demoName, URL: t.server.URL()}
	if err := config.Update(ctx, t.paths, func(s *config.Settings) error { return s.Add(server) }); err != nil {
		return err
	}
	t.say("Added it as server %q.", demoName)

	m, err := t.manager(t.paths, t.quietLog())
	if err != nil {
		return err
	}
	defer closeManager(m)
	t.account = m.Account(server, "")
	defer t.forget()
	stopWindow, windowClosed := t.openWindow(ctx)
	defer stopWindow()
	if err := t.signIn(ctx); err != nil {
		return err
	}
	if err := t.callAcrossRefresh(ctx); err != nil {
		return err
	}
	fmt.Fprintln(t.Stdout)
	fmt.Fprintln(t.Stdout, "All of it worked. To use your own server: drawbridge add NAME URL")
	if windowClosed != nil {
		fmt.Fprintln(t.Stdout, "The window shows the same demo. Close it, or press Ctrl-C here, to end.")
		select {
		case <-windowClosed:
		case <-ctx.Done():
		}
	}
	return nil
}

// ensureKeychain uses the keychain of this computer, or a private one.
func (t *tour) ensureKeychain(ctx context.Context, dir string) (stop func(), err error) {
	v, err := t.openVault()
	if err != nil {
		return nil, err
	}
	err = v.Check(ctx)
	if err == nil {
		t.say("Using the keychain of this computer, under the name %q.", demoService)
		return func() {}, nil
	}
	if !fault.Is(err, fault.NoKeychain) {
		return nil, err
	}
	stop, startErr := demo.StartKeychain(ctx, filepath.Join(dir, "keychain"))
	if startErr != nil {
		return nil, errors.Join(err, startErr)
	}
	if err := v.Check(ctx); err != nil {
		stop()
		return nil, err
	}
	t.say("There is no keychain here: started a private session bus with a gnome-keyring for the demo.")
	return stop, nil
}

// signIn signs in with the person's browser, or plays its part.
func (t *tour) signIn(ctx context.Context) error {
	ui := credential.UI{Open: browser.Open}
	played := make(chan error, 1)
	if t.headless {
		ui.Open = func(ctx context.Context, url string) error {
			go func() { // ends with ctx, and with the sign-in that waits for it
				_, err := demo.SignInAsPerson(ctx, url, demoPerson)
				played <- err
			}()
			return nil
		}
	}
	ui.Show = func(url string, opened bool) {
		switch {
		case t.headless:
			t.say("No display here: the demo plays the browser's part over the same pages.")
		case opened:
			t.say("Your browser is open on the sign-in page: choose a person and allow.")
		default:
			t.say("Open this address to sign in: %s", url)
		}
	}
	if err := t.account.SignIn(ctx, ui); err != nil {
		select {
		case playErr := <-played:
			return errors.Join(err, playErr)
		default:
			return err
		}
	}
	facts, err := t.account.Facts()
	if err != nil {
		return err
	}
	t.say("Signed in as %s. The refresh token is in the keychain and nowhere else.", facts.Display())
	report, err := t.account.Report(ctx)
	if err != nil {
		return err
	}
	t.showClaims(report)
	return nil
}

func (t *tour) showClaims(r token.Report) {
	t.say("The access token says:")
	for _, m := range r.Claims {
		switch m.Name {
		case "iss", "sub", "aud", "scope", "email", "exp":
			value := m.Value
			if at, err := time.Parse(time.RFC3339, value); err == nil && m.Kind == "time" {
				value = at.Local().Format("15:04:05") + ", " + ago(at, t.now())
			}
			t.detail("%-6s %-28s %s", m.Name, value, strings.TrimSuffix(m.Title, "."))
		}
	}
	t.detail("signature %s (%s, key %s)", r.Signature.Verdict, r.Signature.Algorithm, r.Signature.KeyID)
}

// forget takes the demo's entries out of the keychain again.
func (t *tour) forget() {
	ctx, cancel := context.WithTimeout(context.Background(), renewalLimit)
	defer cancel()
	_ = t.account.SignOut(ctx)
	if err := t.account.ForgetIssuer(ctx, t.server.Issuer()); err != nil {
		t.warn(err)
	}
	if err := t.account.Forget(ctx); err != nil {
		t.warn(err)
	}
}
