package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
)

// signInUI leads a person at a terminal through a sign-in. With noBrowser the
// address alone goes to standard output, for whoever opens it.
func (a *app) signInUI(name string, noBrowser bool) credential.UI {
	ui := credential.UI{Open: a.openBrowser, Show: func(url string, opened bool) {
		switch {
		case noBrowser:
			fmt.Fprintf(a.Stderr, "Open this address in a browser to sign in to %s:\n", name)
			fmt.Fprintln(a.Stdout, url)
		case opened:
			fmt.Fprintf(a.Stderr, "Your browser is open on the sign-in to %s. If it is not, open:\n  %s\n", name, url)
		default:
			fmt.Fprintf(a.Stderr, "No browser could be opened. Open this address in one to sign in to %s:\n  %s\n", name, url)
		}
		if !opened {
			fmt.Fprintln(a.Stderr, pasteHere)
		}
	}}
	if noBrowser {
		ui.Open = nil
	}
	ui.Code = func(code credential.DeviceCode) { showCode(a.Stderr, name, code, vault.HasTerminal()) }
	ui.Elsewhere = func(opened bool) {
		if !opened {
			fmt.Fprintf(a.Stderr, "Its provider takes a code from a browser on any device, too: drawbridge login %s --grant device_code\n", name)
		}
	}
	ui.Pasted, ui.Mistaken = a.pastedLines(), a.mistaken
	return ui
}

const pasteHere = "A browser on another computer ends on a page that it cannot open: paste the address of that page here."

// mistaken says why what was pasted is not it.
func (a *app) mistaken(err error) {
	p := fault.Public(err)
	fmt.Fprintln(a.Stderr, printable(p.What+" "+p.Next))
}

// maxLine is how long a pasted line may be, in bytes.
const maxLine = 128 << 10

// pastedLines gives the lines of standard input, one for each call; empty ones
// are passed over. Nothing is read before the first call. The reading cannot be
// interrupted: it ends with the input, or with the process.
func (a *app) pastedLines() func(context.Context) (string, error) {
	lines, over := make(chan string), make(chan struct{})
	var once sync.Once
	read := func() {
		defer close(over)
		leaveForeground()
		in := bufio.NewScanner(a.Stdin)
		in.Buffer(nil, maxLine)
		for in.Scan() {
			if line := strings.TrimSpace(in.Text()); line != "" {
				lines <- line
			}
		}
	}
	return func(ctx context.Context) (string, error) {
		if a.Stdin == nil {
			return "", io.EOF
		}
		once.Do(func() { go read() })
		select {
		case line := <-lines:
			return line, nil
		case <-over:
			return "", io.EOF
		case <-ctx.Done():
			return "", errors.Join(io.EOF, ctx.Err())
		}
	}
}
