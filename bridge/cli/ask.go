package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"drawbridge/bridge/fault"
)

// canAsk reports whether a person sits at standard input.
func (a *app) canAsk() bool {
	f, ok := a.Stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

// ask puts a question that is answered with yes or no; no answer is no.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	fmt.Fprintf(a.Stderr, "%s [y/N] ", question)
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1) // a read from a terminal cannot be stopped; it ends with the process
	go func() {
		line, err := readLine(a.Stdin)
		answered <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.Stderr)
		return false, ctx.Err()
	case got := <-answered:
		if got.err != nil && got.err != io.EOF {
			return false, fault.Wrap(got.err, fault.Usage, "The answer cannot be read.", "Add --yes to go on without questions.")
		}
		switch strings.ToLower(strings.TrimSpace(got.text)) {
		case "y", "yes":
			return true, nil
		}
		return false, nil
	}
}

// readLine reads one line and nothing beyond it, which may be the next answer.
func readLine(r io.Reader) (string, error) {
	var line strings.Builder
	buf := make([]byte, 1)
	for line.Len() < 1024 {
		n, err := r.Read(buf)
		if n == 1 {
			if buf[0] == '\n' {
				return line.String(), nil
			}
			line.WriteByte(buf[0])
		}
		if err != nil {
			return line.String(), err
		}
	}
	return line.String(), nil
}
