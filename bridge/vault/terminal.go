package vault

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"drawbridge/bridge/secret"
)

// Terminal asks on the terminal that this process was started from, never on
// standard input, which may carry a protocol. It is an Ask.
func Terminal(ctx context.Context, question string) (secret.String, error) {
	in, out, err := openTerminal()
	if err != nil {
		return secret.String{}, fmt.Errorf("%w: %w", ErrNobody, err)
	}
	defer func() { _ = out.Close() }()
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		_ = in.Close()
		return secret.String{}, fmt.Errorf("%w: %w", ErrNobody, err)
	}
	if _, err := fmt.Fprint(out, question); err != nil {
		return secret.String{}, fmt.Errorf("%w: %w", ErrNobody, err)
	}
	type answer struct {
		text []byte
		err  error
	}
	done := make(chan answer, 1) // reading cannot be stopped: it may outlive us until the process ends
	go func() {
		text, err := term.ReadPassword(fd)
		_ = in.Close()
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		fmt.Fprintln(out)
		if a.err != nil {
			return secret.String{}, fmt.Errorf("read the terminal: %w", a.err)
		}
		return secret.New(string(a.text)), nil
	case <-ctx.Done():
		_ = term.Restore(fd, before) // echo on again
		fmt.Fprintln(out)
		return secret.String{}, ctx.Err()
	}
}

// HasTerminal reports whether Terminal has somebody to ask.
func HasTerminal() bool {
	in, out, err := openTerminal()
	if err != nil {
		return false
	}
	_ = errors.Join(in.Close(), out.Close())
	return true
}

// openEnds opens the two ends of a terminal.
func openEnds(inName, outName string) (in, out *os.File, err error) {
	if in, err = os.OpenFile(inName, os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	if !term.IsTerminal(int(in.Fd())) {
		_ = in.Close()
		return nil, nil, fmt.Errorf("%s is no terminal", inName)
	}
	if out, err = os.OpenFile(outName, os.O_RDWR, 0); err != nil {
		_ = in.Close()
		return nil, nil, err
	}
	return in, out, nil
}
