// Package tour shows the whole of Drawbridge on the built-in demo: it starts the
// demo's servers, signs in, connects a client to a real `drawbridge stdio`, lets
// a token be renewed, and prints a transcript. It is the program drawbridge-demo.
//
// It keeps away from the person's own settings, state and keychain entries.
package tour

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"drawbridge/bridge/browser"
	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/demo"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/token"
	"drawbridge/bridge/vault"
)

const (
	serverName = "demo"
	// keychainService keeps the demo's keychain entries apart from the person's.
	keychainService = "drawbridge-demo"
	// person signs in where there is no display.
	person = "ada@example.com"
	// closing bounds the tidying up at the end.
	closing = 10 * time.Second
)

// Process is what the program is given by the operating system.
type Process struct {
	Version        string
	Args           []string // after the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Main runs the tour and returns the exit status.
func Main(ctx context.Context, p Process) int {
	t := &tour{Process: p}
	flags := flag.NewFlagSet("drawbridge demo", flag.ContinueOnError)
	flags.SetOutput(p.Stderr)
	flags.DurationVar(&t.lifetime, "token-lifetime", demo.DefaultTokenLifetime, "life of the demo's access tokens")
	flags.BoolVar(&t.headless, "headless", false, "play the browser's part too, even with a display, and end after the transcript")
	serve := flags.Bool("serve", false, "run the demo's servers alone, until the standard input ends; print their address as JSON")
	addr := flags.String("addr", "", "with -serve, the loopback `address` to listen at")
	if err := flags.Parse(p.Args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return fault.Usage.ExitStatus()
	}
	t.headless = t.headless || !hasDisplay()
	run := t.run
	if *serve {
		run = func(ctx context.Context) error { return t.serve(ctx, *addr) }
	}
	err := run(ctx)
	if err == nil {
		return 0
	}
	public := fault.Public(err)
	fmt.Fprintln(p.Stderr, "drawbridge demo: "+public.What)
	if public.Next != "" {
		fmt.Fprintln(p.Stderr, "  "+public.Next)
	}
	return public.Code.ExitStatus()
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
	Process
	headless bool
	lifetime time.Duration

	paths   config.Paths
	vault   *vault.Vault
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

	t.vault = vault.NewKeychain(keychainService)
	stopKeychain, err := t.ensureKeychain(ctx, dir)
	if err != nil {
		return err
	}
	defer stopKeychain()

	t.server, err = demo.Start(ctx, demo.Config{TokenLifetime: t.lifetime})
	if err != nil {
		return err
	}
	defer func() { _ = t.server.Close() }()
	t.say("Started a demo authorization server and a protected MCP server: %s", t.server.URL())

	server := config.Server{Name: serverName, URL: t.server.URL()}
	if err := config.Update(ctx, t.paths, func(s *config.Settings) error { return s.Add(server) }); err != nil {
		return err
	}
	t.say("Added it as server %q.", serverName)

	m := credential.NewManager(credential.Config{Paths: t.paths, Vault: t.vault, HTTP: remote.NewHTTP(), Version: t.Version})
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		m.Close(ctx)
	}()
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
	err = t.vault.Check(ctx)
	if err == nil {
		t.say("Using the keychain of this computer, under the name %q.", keychainService)
		return func() {}, nil
	}
	if !fault.Is(err, fault.NoKeychain) {
		return nil, err
	}
	stop, startErr := startKeychain(ctx, filepath.Join(dir, "keychain"))
	if startErr != nil {
		return nil, errors.Join(err, startErr)
	}
	if err := t.vault.Check(ctx); err != nil {
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
				_, err := demo.SignInAsPerson(ctx, url, person)
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
				value = fmt.Sprintf("%s, in %s", at.Local().Format("15:04:05"), time.Until(at).Round(time.Second))
			}
			t.detail("%-6s %-28s %s", m.Name, value, m.Title)
		}
	}
	t.detail("signature %s (%s, key %s)", r.Signature.Verdict, r.Signature.Algorithm, r.Signature.KeyID)
}

// forget takes the demo's entries out of the keychain again.
func (t *tour) forget() {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	err := errors.Join(t.account.SignOut(ctx), t.account.ForgetIssuer(ctx, t.server.Issuer()), t.account.Forget(ctx))
	if err != nil {
		fmt.Fprintln(t.Stderr, "The demo's keychain entries were not all deleted: "+fault.Public(err).What)
	}
}
