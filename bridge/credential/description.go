package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	// Over is the transport that it came by; "" when nobody said.
	Over string `json:"over,omitempty"`
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

// Spoken is how the server was spoken to last: the version of MCP and the
// transport, "" for what is not known. It asks neither the network nor the vault.
func (a *Account) Spoken() (version, over string) {
	known, err := a.readDescriptions()
	if err != nil || len(known.All) == 0 {
		return "", "" // Describe logs it
	}
	last := known.All[len(known.All)-1]
	var said struct {
		Agreed    string   `json:"protocolVersion"`   // initialize
		Supported []string `json:"supportedVersions"` // server/discover
	}
	_ = json.Unmarshal(last.Text, &said) // a server may say what it likes
	if version = said.Agreed; version == "" && len(said.Supported) > 0 {
		version = said.Supported[0]
	}
	if len(version) > maxVersion || strings.ContainsFunc(version, func(r rune) bool { return r <= ' ' || r > '~' }) {
		version = ""
	}
	return version, last.Over
}

// maxVersion bounds the name of a version of MCP, in bytes; they are dates.
const maxVersion = 32

// KeepDescription stores what the server said of itself, by which transport,
// unless the account is signed out by now.
func (a *Account) KeepDescription(ctx context.Context, client string, text json.RawMessage, over string) error {
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
	keep.All = append(keep.All, Description{Client: client, Text: text, Over: over, At: a.m.now().UTC()})
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
