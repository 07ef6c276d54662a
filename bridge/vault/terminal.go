package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"drawbridge/bridge/secret"
)

// echoLimit bounds the wait for the reader of a terminal to turn the echo off. It
// never does on one that had it off before.
const echoLimit = 5 * time.Second

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
	var mu sync.Mutex            // over closed
	closed := false
	go func() {
		text, err := term.ReadPassword(fd)
		mu.Lock()
		defer mu.Unlock()
		_ = in.Close()
		closed = true
		done <- answer{text, err}
	}()
	// The reader begins by turning the echo off, and only then can it be turned on
	// again; once it has ended, the number may be another file's.
	echoBack := func() bool {
		mu.Lock()
		defer mu.Unlock()
		if closed {
			return true
		}
		now, err := term.GetState(fd)
		if err == nil && *now == *before {
			return false
		}
		_ = term.Restore(fd, before)
		return true
	}
	select {
	case a := <-done:
		fmt.Fprintln(out)
		if a.err != nil {
			return secret.String{}, fmt.Errorf("read the terminal: %w", a.err)
		}
		return secret.New(string(a.text)), nil
	case <-ctx.Done():
		for until := time.Now().Add(echoLimit); time.Now().Before(until) && !echoBack(); {
			time.Sleep(time.Millisecond)
		}
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
