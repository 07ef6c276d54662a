package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tailscale/hujson"

	"drawbridge/bridge/fault"
)

// parse reads the text of a settings file. An empty one is that of a new user.
// Its errors are fault.BadSettings and name the line.
func parse(file string, raw []byte) (*Settings, error) {
	s := &Settings{Version: CurrentVersion}
	if len(bytes.TrimSpace(raw)) == 0 {
		return s, nil
	}
	tree, err := hujson.Parse(raw)
	if err != nil {
		return nil, damaged(file, errorPlace(err), "it is not JSON there", err)
	}
	std, err := standard(raw)
	if err != nil {
		return nil, damaged(file, "", "it is not JSON", err)
	}
	// First: a later version may know members that this one does not.
	var head struct{ Version int }
	if json.Unmarshal(std, &head) == nil && head.Version > CurrentVersion {
		return nil, fault.New(fault.BadSettings,
			fmt.Sprintf("The settings file %s is of version %d; this Drawbridge knows version %d.", file, head.Version, CurrentVersion),
			"Update Drawbridge, or move the file away; nothing has been changed.")
	}
	dec := json.NewDecoder(bytes.NewReader(std))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil {
		place, why := decodePlace(raw, err)
		return nil, damaged(file, place, why, err)
	}
	for path, err := range map[string]error{"/vault": s.Vault.Check(), "/desktop": s.Desktop.Check()} {
		if err == nil {
			continue
		}
		place := ""
		if at := tree.Find(path); at != nil {
			place = lineAt(raw, at.StartOffset)
		}
		return nil, damaged(file, place, strings.TrimSuffix(fault.Public(err).What, "."), err)
	}
	seen := map[string]bool{}
	for i, server := range s.Servers {
		place := ""
		if at := tree.Find(fmt.Sprintf("/servers/%d", i)); at != nil {
			place = lineAt(raw, at.StartOffset)
		}
		if err := server.Check(); err != nil {
			return nil, damaged(file, place, strings.TrimSuffix(fault.Public(err).What, "."), err)
		}
		name := strings.ToLower(server.Name) // as index finds it
		if seen[name] {
			return nil, damaged(file, place, fmt.Sprintf("there are two servers named %q", server.Name), errors.New("name used twice"))
		}
		seen[name] = true
	}
	for i, rule := range s.Folders {
		if err := rule.check(); err != nil {
			place := ""
			if at := tree.Find(fmt.Sprintf("/folders/%d", i)); at != nil {
				place = lineAt(raw, at.StartOffset)
			}
			return nil, damaged(file, place, strings.TrimSuffix(fault.Public(err).What, "."), err)
		}
	}
	s.Version = CurrentVersion
	return s, nil
}

// standard is the text without comments and trailing commas, as long as it was:
// offsets stay true. (hujson blanks the comments out in place.)
func standard(raw []byte) ([]byte, error) { return hujson.Standardize(bytes.Clone(raw)) }

func damaged(file, place, why string, cause error) error {
	if place != "" {
		place += ": "
	}
	return fault.Wrap(cause, fault.BadSettings, fmt.Sprintf("The settings file %s is damaged. %s.", file, upper(place+why)),
		"Mend that line, or move the file away; nothing has been changed.")
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func lineAt(raw []byte, offset int) string {
	return fmt.Sprintf("line %d", 1+bytes.Count(raw[:min(offset, len(raw))], []byte("\n")))
}

// errorPlace takes the place out of hujson's "hujson: line 3, column 5: …".
func errorPlace(err error) string {
	if _, rest, ok := strings.Cut(err.Error(), "line "); ok {
		place, _, _ := strings.Cut(rest, ":")
		return "line " + place
	}
	return ""
}

// decodePlace says where and why JSON that is well-formed is not settings.
func decodePlace(raw []byte, err error) (place, why string) {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		why = "a value is of the wrong kind"
		if kind.Field != "" {
			why = fmt.Sprintf("the value of %q is of the wrong kind", kind.Field)
		}
		return lineAt(raw, int(kind.Offset)), why
	}
	if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok { // encoding/json has no type for it
		if i := bytes.Index(raw, []byte(name)); i >= 0 {
			place = lineAt(raw, i)
		}
		return place, "there is no setting " + name
	}
	return "", "it does not hold settings"
}
