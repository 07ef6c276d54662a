package adopt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/token"
)

// Stored is a sign-in as mcp-remote files it: NAME_tokens.json,
// NAME_client_info.json and what belongs to them, in one folder.
type Stored struct {
	// Key is the name of its files.
	Key string
	// Dir is the folder; one for each release before 0.4, mcp-remote-v1 since.
	Dir string
	// Files are all its files; every one of them may hold a secret.
	Files []string
	// Written is when its tokens were last written; zero when there are none.
	Written time.Time
}

const (
	tokensFile = "_tokens.json"
	clientFile = "_client_info.json"
	leaseFile  = "_refresh_in_progress.json"
)

var storedName = regexp.MustCompile(`^([0-9a-f]{32})_`)

// storeFolders are the folders of a store: that of this layout, those that
// releases before 0.4 made for each version, and the store itself.
func storeFolders(store string) []string {
	folders := []string{filepath.Join(store, "mcp-remote-v1")}
	found, _ := os.ReadDir(store)
	for _, e := range found {
		if folder := filepath.Join(store, e.Name()); e.IsDir() && strings.HasPrefix(e.Name(), "mcp-remote-") && folder != folders[0] {
			folders = append(folders, folder)
		}
	}
	return append(folders, store)
}

// readStore lists the sign-ins of a store. A store that is not there is empty.
func readStore(store string) ([]*Stored, error) {
	var all []*Stored
	for _, folder := range storeFolders(store) {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return all, fmt.Errorf("read %s: %w", folder, err)
		}
		byKey := map[string]*Stored{}
		for _, e := range entries {
			m := storedName.FindStringSubmatch(e.Name())
			if m == nil || !e.Type().IsRegular() {
				continue
			}
			s := byKey[m[1]]
			if s == nil {
				s = &Stored{Key: m[1], Dir: folder}
				byKey[m[1]] = s
				all = append(all, s)
			}
			s.Files = append(s.Files, filepath.Join(folder, e.Name()))
			if info, err := e.Info(); err == nil && e.Name() == s.Key+tokensFile {
				s.Written = info.ModTime()
			}
		}
	}
	return all, nil
}

// old reports whether a release up to 0.1.29 made the folder, which knew no
// more of a server than its address.
func (s *Stored) old() bool {
	version, own := strings.CutPrefix(filepath.Base(s.Dir), "mcp-remote-")
	if !own {
		return true // before there were folders
	}
	parts := strings.Split(version, ".")
	if len(parts) != 3 || parts[0] != "0" {
		return false
	}
	patch, err := strconv.Atoi(parts[2])
	return err == nil && (parts[1] == "0" || parts[1] == "1" && patch <= 29)
}

// tokensJSON and clientJSON are mcp-remote's files, as far as they are needed.
type tokensJSON struct {
	Access         secret.String `json:"access_token"`
	Refresh        secret.String `json:"refresh_token"`
	ID             secret.String `json:"id_token"`
	ExpiresIn      float64       `json:"expires_in"`
	ExpiresAt      float64       `json:"expires_at"` // milliseconds
	Scope          string        `json:"scope"`
	RequestedScope string        `json:"requested_scope"`
	Issuer         string        `json:"issuer"`
}

type clientJSON struct {
	ID        string        `json:"client_id"`
	Secret    secret.String `json:"client_secret"`
	ExpiresAt float64       `json:"client_secret_expires_at"`
	Method    string        `json:"token_endpoint_auth_method"`
	Issuer    string        `json:"issuer"`
}

func readJSON(path string, into any) (found bool, err error) {
	raw, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if json.Unmarshal(raw, into) != nil {
		return false, fmt.Errorf("%s is not what mcp-remote writes", filepath.Base(path)) // not the cause: it may quote the file
	}
	return true, nil
}

// adopted reads the sign-in as it is now. It returns nil without an error when
// there are no tokens.
func (s *Stored) adopted() (*credential.Adopted, error) {
	var t tokensJSON
	file := filepath.Join(s.Dir, s.Key+tokensFile)
	found, err := readJSON(file, &t)
	if err != nil || !found || t.Access.IsZero() && t.Refresh.IsZero() {
		return nil, err
	}
	var c clientJSON
	if _, err := readJSON(filepath.Join(s.Dir, s.Key+clientFile), &c); err != nil {
		return nil, err
	}
	in := &credential.Adopted{
		Tokens: oauth.Tokens{Access: t.Access, Refresh: t.Refresh, ID: t.ID, Scope: t.Scope},
		Client: oauth.ClientCredentials{ClientID: c.ID, Secret: c.Secret, AuthMethod: c.Method},
		Scopes: strings.Fields(t.RequestedScope), Issuers: []string{t.Issuer, c.Issuer},
	}
	if c.ExpiresAt > 0 {
		in.Client.SecretExpiresAt = time.Unix(int64(c.ExpiresAt), 0)
	}
	lifetime := time.Duration(t.ExpiresIn * float64(time.Second))
	switch {
	case t.ExpiresAt > 0:
		in.ExpiresAt = time.UnixMilli(int64(t.ExpiresAt))
	case lifetime > 0: // releases before 0.2: counted from when it was written
		if info, err := os.Stat(file); err == nil {
			in.ExpiresAt = info.ModTime().Add(lifetime)
		}
	}
	if !in.ExpiresAt.IsZero() && lifetime > 0 {
		in.IssuedAt = in.ExpiresAt.Add(-lifetime)
	}
	return in, nil
}

// audience is what the access token says it is for.
func (s *Stored) audience() []string {
	var t tokensJSON
	if found, err := readJSON(filepath.Join(s.Dir, s.Key+tokensFile), &t); err != nil || !found {
		return nil
	}
	d, err := token.DecodeUnverified(t.Access)
	if err != nil {
		return nil
	}
	return d.Audience()
}

// remove deletes the sign-in's files, and the folders that are then empty up to
// the store.
func (s *Stored) remove(store string) error {
	for _, file := range s.filesNow() {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, folder := range []string{s.Dir, store} {
		_ = os.Remove(folder) // fails when something is in it
	}
	return nil
}

// filesNow are the files of this moment: mcp-remote may have written more.
func (s *Stored) filesNow() []string {
	files := slices.Clone(s.Files)
	entries, _ := os.ReadDir(s.Dir)
	for _, e := range entries {
		if path := filepath.Join(s.Dir, e.Name()); strings.HasPrefix(e.Name(), s.Key+"_") && e.Type().IsRegular() && !slices.Contains(files, path) {
			files = append(files, path)
		}
	}
	return files
}
