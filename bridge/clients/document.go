package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// document is the text of a settings file. Edits splice bytes at the places that
// the format's parser gives; nothing else of the text is ever written anew. A
// path begins with the member of the root that holds the entries.
type document interface {
	// bytes is the whole file.
	bytes() []byte
	// root is the decoded file: every comparison of before and after is made on it.
	root() (map[string]any, error)
	// names are the members of the mapping at, in the order of the file.
	names(at string) ([]string, error)
	// set gives the member at path the value, in place when it is there, else as
	// the last of its neighbours. Missing mappings on the way are made.
	set(value any, path ...string) error
	// remove takes the member at path out.
	remove(path ...string) error
	// veiled is the text with every string hidden that does not stand in the entry
	// at path; an empty path hides all.
	veiled(path ...string) string
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// parseDocument reads a file in a format. A blank file is an empty document.
func parseDocument(format Format, raw []byte) (document, error) {
	var mark []byte
	text := raw
	if rest, ok := bytes.CutPrefix(raw, byteOrderMark); ok {
		mark, text = byteOrderMark, rest
	}
	var d document
	var err error
	switch format {
	case JSON, JSONC:
		d, err = parseJSON(mark, text, format == JSONC)
	case TOML:
		d, err = parseTOML(mark, text)
	case YAML:
		d, err = parseYAML(mark, text)
	default:
		err = fmt.Errorf("its format %q is not known", format)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// valueAt is the decoded value at path; found is false when a member is missing.
func valueAt(root map[string]any, path ...string) (value any, found bool, err error) {
	value = root
	for i, name := range path {
		members, ok := value.(map[string]any)
		if value == nil {
			return nil, false, nil
		}
		if !ok {
			return nil, false, fmt.Errorf("%s is not a mapping of names to entries", path[i-1])
		}
		if value, found = members[name]; !found {
			return nil, false, nil
		}
	}
	return value, true, nil
}

// checkEdit is the last look before an edit counts: nothing in the file may mean
// anything else than before but the entry, which has to mean want; nil: to be
// gone. It guards what the splicing cannot see, such as an alias.
func checkEdit(before, after document, at, name string, want any) error {
	old, err := before.root()
	if err != nil {
		return err
	}
	now, err := after.root()
	if err != nil {
		return fmt.Errorf("the edit does not parse: %w", err)
	}
	got, found, err := valueAt(now, at, name)
	if err != nil || found != (want != nil) || !same(got, plain(want)) {
		return errors.New("it is written in a way that cannot be edited safely")
	}
	if !same(without(old, at, name), without(now, at, name)) {
		return errors.New("it is written in a way that cannot be edited safely")
	}
	return nil
}

// without is root less one entry, and less the mapping at when nothing else is
// in it.
func without(root map[string]any, at, name string) map[string]any {
	rest := map[string]any{}
	for member, value := range root {
		if member != at {
			rest[member] = value
			continue
		}
		others := map[string]any{}
		if entries, ok := value.(map[string]any); ok {
			for each, entry := range entries {
				if each != name {
					others[each] = entry
				}
			}
		}
		if len(others) > 0 {
			rest[member] = others
		}
	}
	return rest
}

// same compares decoded values; numbers by what they print.
func same(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for name := range x {
			if other, found := y[name]; !found || !same(x[name], other) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, same)
	}
	if number(a) && number(b) {
		return fmt.Sprint(a) == fmt.Sprint(b)
	}
	return reflect.DeepEqual(a, b)
}

func number(v any) bool {
	switch v.(type) {
	case json.Number, int, int64, uint64, float64:
		return true
	}
	return false
}

// encode is JSON without the escapes that only HTML needs.
func encode(value any) ([]byte, error) {
	if members, ok := value.(fields); ok {
		parts := make([][]byte, len(members))
		for i, f := range members {
			name, err := encode(f.name)
			if err != nil {
				return nil, err
			}
			text, err := encode(f.value)
			if err != nil {
				return nil, err
			}
			parts[i] = slices.Concat(name, []byte(":"), text)
		}
		return slices.Concat([]byte("{"), bytes.Join(parts, []byte(",")), []byte("}")), nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// edit is the replacement of text[from:to].
type edit struct {
	from, to int
	with     string
}

// splice makes edits that do not overlap.
func splice(text []byte, edits ...edit) []byte {
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(out, text[at:e.from]...)
		out = append(out, e.with...)
		at = e.to
	}
	return append(out, text[at:]...)
}

// newline is the line end that a text uses.
func newline(text []byte) string {
	if bytes.Contains(text, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}
