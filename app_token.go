package main

import (
	"context"
	"errors"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/token"
)

// Inspect explains a token that a person pasted. It asks nobody: the text is
// neither kept nor sent nor logged, and its signature stays unchecked.
func (a *App) Inspect(pasted string) (token.Report, error) {
	raw, err := token.FromText(pasted)
	switch {
	case errors.Is(err, token.ErrNoText):
		return token.Report{}, fault.New(fault.Usage, "There is no token.", "Paste one.")
	case err != nil:
		// Not wrapped: nothing of the text may get into an error.
		return token.Report{}, fault.New(fault.Usage, "That is not one token.", "Paste the token alone: it has no blanks and no line breaks inside.")
	}
	return token.Explain(context.Background(), raw, nil), nil
}
