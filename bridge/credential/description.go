package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"drawbridge/bridge/config"
)

const (
	// maxDescription bounds one description in bytes, maxDescriptions how many
	// are kept of an account: clients differ in what they offer a server.
	maxDescription  = 256 << 10
	maxDescriptions = 8
	// descriptionAge is after how long a description counts as unknown.
	descriptionAge = 90 * 24 * time.Hour
)

// Description is what a server said of itself to a kind of client, so that the
// next one need not wait for it. It is not secret, but the person's own: a
// server may tell each account something else.
type Description struct {
	// Client is the kind of client; whoever stores it decides what that is.
	Client string `json:"client"`
	// Text is what the server said, JSON.
	Text json.RawMessage `json:"text"`
	// At is when the server said so last.
	At time.Time `json:"at"`
}

// descriptions is the file: the newest last.
type descriptions struct {
	URL string        `json:"url"` // a server with another address is another one
	All []Description `json:"all"`
}

func (a *Account) descriptionFile() string {
	return filepath.Join(a.m.paths.Descriptions(), a.key+".json")
}

// Describe returns what the server last said of itself to that kind of client;
// false when nothing is known. It asks neither the network nor the vault.
func (a *Account) Describe(client string) (Description, bool) {
	known, err := a.readDescriptions()
	if err != nil {
		a.m.log.Warn("description not read", "key", a.key, "error", err)
		return Description{}, false
	}
	for _, d := range known.All {
		if d.Client == client && a.m.now().Sub(d.At) < descriptionAge {
			return d, true
		}
	}
	return Description{}, false
}

// KeepDescription stores what the server said of itself, unless the account is
// signed out by now.
func (a *Account) KeepDescription(ctx context.Context, client string, text json.RawMessage) error {
	if len(text) > maxDescription {
		return fmt.Errorf("keep description: %d bytes are too many", len(text))
	}
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if f, err := a.Facts(); err != nil || f.State == SignedOut {
		return err
	}
	known, err := a.readDescriptions()
	if err != nil {
		known = descriptions{} // damaged: what is known now is enough
	}
	keep := descriptions{URL: a.server.URL}
	for _, d := range known.All {
		if d.Client != client {
			keep.All = append(keep.All, d)
		}
	}
	keep.All = append(keep.All, Description{Client: client, Text: text, At: a.m.now().UTC()})
	if n := len(keep.All) - maxDescriptions; n > 0 {
		keep.All = keep.All[n:]
	}
	raw, err := json.Marshal(keep)
	if err != nil {
		return fmt.Errorf("keep description: %w", err)
	}
	if err := config.MakePrivate(a.m.paths.Descriptions()); err != nil {
		return err
	}
	return config.WriteFile(a.descriptionFile(), raw)
}

func (a *Account) readDescriptions() (descriptions, error) {
	var d descriptions
	raw, err := os.ReadFile(a.descriptionFile())
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &d)
	}
	if err != nil {
		return descriptions{}, fmt.Errorf("read descriptions: %w", err)
	}
	if d.URL != a.server.URL {
		return descriptions{}, nil
	}
	return d, nil
}

// dropDescriptions forgets them: they are of a sign-in that is over.
func (a *Account) dropDescriptions() {
	if err := removeFile(a.descriptionFile()); err != nil {
		a.m.log.Warn("descriptions not deleted", "key", a.key, "error", err)
	}
}
