// Package browser opens a web address in the person's browser: the one that
// $BROWSER names, else the desktop's own. It opens https addresses, and http
// ones on this machine, and never goes through a shell. It must not know what
// the address is for.
package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// settle is how long a program that was started has to fail. One that still
// runs then is taken to be the browser itself.
const settle = 2 * time.Second

// maxURL bounds an address; command lines and browsers end somewhere above it.
const maxURL = 16 << 10

// Open opens address with this process's environment. It returns once a browser
// is started; an error means that none could be, or that the address is not one
// to open, and the person has to be shown the address instead.
func Open(ctx context.Context, address string) error {
	return OpenWith(ctx, os.Environ(), address)
}

// OpenWith is Open with the environment env (NAME=VALUE) for finding the
// browser and for the browser itself.
func OpenWith(ctx context.Context, env []string, address string) error {
	if err := Check(address); err != nil {
		return err
	}
	var errs []error
	for _, argv := range fromVariable(lookup(env, "BROWSER"), address) {
		err := start(ctx, env, argv)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	if err := openDefault(ctx, env, address); err != nil {
		return fmt.Errorf("open a browser: %w", errors.Join(append(errs, err)...))
	}
	return nil
}

// Check refuses an address that must not reach a browser or a command line:
// anything but https, or http to this machine, written in the characters of RFC 3986.
func Check(address string) error {
	refuse := func(why string) error {
		return fault.New(fault.BadURL, "The address to open in the browser was refused: "+why+".", "")
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return refuse("it is not a URL")
	case len(address) > maxURL:
		return refuse("it is too long")
	case strings.ContainsFunc(address, func(r rune) bool { return !legal(r) }):
		return refuse("it holds characters that no URL may hold")
	case u.Opaque != "" || u.Hostname() == "":
		return refuse("it has no host")
	case u.User != nil:
		return refuse("it carries a user name or password")
	case u.Scheme == "https", u.Scheme == "http" && config.IsLoopback(u.Hostname()):
		return nil
	}
	return refuse("it is neither https nor on this machine")
}

// legal reports whether RFC 3986 §2 allows r in a URL.
func legal(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~:/?#[]@!$&'()*+,;=%", r)
}

// fromVariable reads $BROWSER: alternatives separated as in PATH, each a
// command with %s for the address, or with the address as its last argument.
func fromVariable(value, address string) [][]string {
	var commands [][]string
	for _, alternative := range strings.Split(value, string(os.PathListSeparator)) {
		argv := words(alternative)
		if n := len(argv); n > 0 && argv[n-1] == "&" { // as older desktops write it
			argv = argv[:n-1]
		}
		if len(argv) == 0 {
			continue
		}
		placed := false
		for i := range argv[1:] {
			arg := strings.ReplaceAll(argv[i+1], "%%", "\x00")
			placed = placed || strings.Contains(arg, "%s")
			argv[i+1] = strings.ReplaceAll(strings.ReplaceAll(arg, "%s", address), "\x00", "%")
		}
		if !placed {
			argv = append(argv, address)
		}
		commands = append(commands, argv)
	}
	return commands
}

// words splits a command line at blanks outside quotes. An existing file with
// blanks in its name is one word.
func words(line string) []string {
	line = strings.TrimSpace(line)
	if _, err := os.Stat(line); err == nil {
		return []string{line}
	}
	var out []string
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inWord = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if inWord {
				out = append(out, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		out = append(out, word.String())
	}
	return out
}

// start runs a command with nothing of ours attached: its output must not get
// into a stream of MCP messages, nor Ctrl-C in our terminal to the browser.
func start(ctx context.Context, env, argv []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, err := find(env, argv[0])
	if err != nil {
		return err
	}
	cmd := exec.Command(path, argv[1:]...) // not CommandContext: the browser outlives ctx
	cmd.Args[0] = argv[0]
	cmd.Env = env
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", argv[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the browser; nobody can end it sooner
	patience := time.NewTimer(settle)
	defer patience.Stop()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("run %s: %w", argv[0], err)
		}
		return nil
	case <-patience.C:
		return nil
	case <-ctx.Done():
		return nil // it was started
	}
}

// lookup finds a variable; the last one of a name counts, as in exec.
func lookup(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], name+"="); ok {
			return value
		}
	}
	return ""
}
