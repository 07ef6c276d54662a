package browser

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
)

// Installed is a browser of this computer.
type Installed struct {
	// ID is what the desktop calls it; Title is what a person does.
	ID, Title string
	// argv starts it; the address is put in the place of addressHere, or at the end.
	argv []string
}

// addressHere stands for the address in an argv.
const addressHere = "\x00address"

// List finds the browsers that are installed, sorted by title. env is NAME=VALUE.
func List(env []string) []Installed {
	all := installed(env)
	slices.SortFunc(all, func(a, b Installed) int {
		if a.Title != b.Title && a.Title < b.Title || a.Title == b.Title && a.ID < b.ID {
			return -1
		}
		return 1
	})
	return all
}

// OpenIn is OpenWith in the installed browser with the id. When that one is not
// there, or does not start, any other will do. id "" asks for none.
func OpenIn(ctx context.Context, env []string, id, address string) error {
	if id == "" {
		return OpenWith(ctx, env, address)
	}
	if err := Check(address); err != nil {
		return err
	}
	chosen := fmt.Errorf("find the browser %q: %w", id, exec.ErrNotFound)
	for _, b := range installed(env) {
		if b.ID != id {
			continue
		}
		argv := slices.Clone(b.argv)
		if at := slices.Index(argv, addressHere); at >= 0 {
			argv[at] = address
		} else {
			argv = append(argv, address)
		}
		if chosen = start(ctx, env, argv); chosen == nil {
			return nil
		}
	}
	if err := OpenWith(ctx, env, address); err != nil {
		return errors.Join(chosen, err)
	}
	return nil
}
