package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

const header = "// Drawbridge's settings: JSON with comments. Yours to edit; no secret is ever in here.\n"

// render gives the new text of the settings file. It patches the old text, so
// that comments and the order of members stay; servers that did not change are
// not touched.
func render(old []byte, s *Settings) ([]byte, error) {
	if len(bytes.TrimSpace(old)) == 0 {
		fresh, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			return nil, err
		}
		return append([]byte(header), append(fresh, '\n')...), nil
	}
	value, err := hujson.Parse(old)
	if err != nil {
		return nil, err
	}
	var before Settings
	std, err := standard(old)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(std, &before); err != nil {
		return nil, err
	}
	patch, err := json.Marshal(patchOf(&before, s))
	if err != nil {
		return nil, err
	}
	if err := value.Patch(patch); err != nil {
		return nil, fmt.Errorf("patch: %w", err)
	}
	value.Format()
	return value.Pack(), nil
}

// op is one operation of a JSON patch (RFC 6902).
type op struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// bridgeOps change what the local bridge does for single servers; nothing else of
// the bridge is changed by Drawbridge.
func bridgeOps(before, after *Bridge) (ops []op) {
	if after == nil || reflect.DeepEqual(before, after) {
		return nil
	}
	if before == nil || before.Servers == nil {
		if before == nil {
			ops = append(ops, op{Op: "add", Path: "/bridge", Value: struct{}{}})
		}
		return append(ops, op{Op: "add", Path: "/bridge/servers", Value: after.Servers})
	}
	at := func(name string) string {
		return "/bridge/servers/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name) // RFC 6901 §3
	}
	for name := range before.Servers {
		if _, stays := after.Servers[name]; !stays {
			ops = append(ops, op{Op: "remove", Path: at(name)})
		}
	}
	for name, what := range after.Servers {
		if !reflect.DeepEqual(before.Servers[name], what) {
			ops = append(ops, op{Op: "add", Path: at(name), Value: what})
		}
	}
	return ops
}

func patchOf(before, after *Settings) []op {
	ops := []op{{Op: "add", Path: "/version", Value: after.Version}}
	switch {
	case before.Vault == after.Vault:
	case after.Vault == Vault{}:
		ops = append(ops, op{Op: "remove", Path: "/vault"})
	default:
		ops = append(ops, op{Op: "add", Path: "/vault", Value: after.Vault})
	}
	switch {
	case before.Desktop == after.Desktop:
	case after.Desktop == Preferences{}:
		ops = append(ops, op{Op: "remove", Path: "/desktop"})
	default:
		ops = append(ops, op{Op: "add", Path: "/desktop", Value: after.Desktop})
	}
	ops = append(ops, bridgeOps(before.Bridge, after.Bridge)...)
	ops = append(ops, folderOps(before.Folders, after.Folders)...)
	if before.Servers == nil {
		return append(ops, op{Op: "add", Path: "/servers", Value: after.Servers})
	}
	kept := map[string]bool{}
	for i := len(before.Servers) - 1; i >= 0; i-- { // from the end: removals shift what follows
		path := fmt.Sprintf("/servers/%d", i)
		j := after.index(before.Servers[i].Name)
		if j < 0 {
			ops = append(ops, op{Op: "remove", Path: path})
			continue
		}
		kept[before.Servers[i].Name] = true
		was, _ := json.Marshal(before.Servers[i])
		is, _ := json.Marshal(after.Servers[j])
		if string(was) != string(is) {
			ops = append(ops, op{Op: "replace", Path: path, Value: after.Servers[j]})
		}
	}
	for _, server := range after.Servers {
		if !kept[server.Name] {
			ops = append(ops, op{Op: "add", Path: "/servers/-", Value: server})
		}
	}
	return ops
}

// folderOps leaves the rules that did not change, and their comments, alone.
func folderOps(before, after []FolderRule) []op {
	if before == nil {
		if len(after) == 0 {
			return nil
		}
		return []op{{Op: "add", Path: "/folders", Value: after}}
	}
	same := func(a, b FolderRule) bool { return a.Folder == b.Folder && a.Server == b.Server }
	var ops []op
	for i := len(before) - 1; i >= 0; i-- { // from the end: removals shift what follows
		path := fmt.Sprintf("/folders/%d", i)
		j := slices.IndexFunc(after, func(r FolderRule) bool { return same(r, before[i]) })
		switch {
		case j < 0:
			ops = append(ops, op{Op: "remove", Path: path})
		case after[j] != before[i]:
			ops = append(ops, op{Op: "replace", Path: path, Value: after[j]})
		}
	}
	for _, rule := range after {
		if !slices.ContainsFunc(before, func(r FolderRule) bool { return same(r, rule) }) {
			ops = append(ops, op{Op: "add", Path: "/folders/-", Value: rule})
		}
	}
	return ops
}
