package era

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"drawbridge/bridge/jsonrpc"
)

// toolbook knows the tools of a server as far as their calls need it: which
// arguments are mirrored in headers, and which tools must not be used.
type toolbook struct {
	mu     sync.Mutex
	params map[string][]param
	barred map[string]error
	whole  bool // all pages have been seen
}

// learn reads a tools/list result and returns it without the tools whose
// annotations are invalid (MCP 2026-07-28, tools, x-mcp-header), and those. A
// result in which all are well comes back as it is.
func (b *toolbook) learn(result json.RawMessage) (kept json.RawMessage, barred map[string]error) {
	var tools []json.RawMessage
	if json.Unmarshal(jsonrpc.Member(result, "tools"), &tools) != nil {
		return result, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.params == nil {
		b.params, b.barred = map[string][]param{}, map[string]error{}
	}
	good := tools[:0:0]
	barred = map[string]error{}
	for _, raw := range tools {
		name := text(jsonrpc.Member(raw, "name"))
		params, err := annotations(jsonrpc.Member(raw, "inputSchema"))
		delete(b.barred, name)
		delete(b.params, name)
		if err != nil {
			b.barred[name], barred[name] = err, err
			continue
		}
		b.params[name] = params
		good = append(good, raw)
	}
	if len(barred) == 0 {
		return result, nil
	}
	return splice(result, []field{{"tools", array(good)}}), barred
}

// lookup returns the annotated parameters of a tool. known says whether the
// list with it has been seen, err why the tool must not be called.
func (b *toolbook) lookup(name string) (params []param, known bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	params, known = b.params[name]
	return params, known || b.whole, b.barred[name]
}

// seenAll notes that the last page of the list has been read; changed that
// there may be other tools now.
func (b *toolbook) seenAll() { b.setWhole(true) }
func (b *toolbook) changed() { b.setWhole(false) }

func (b *toolbook) setWhole(whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.whole = whole
}

// annotation is the member of a property's schema that asks for a header.
const annotation = "x-mcp-header"

// annotations finds the annotated parameters of an input schema and refuses
// invalid ones: an empty or duplicate name, one that is no token, a type that is
// not string, integer or boolean, a place that is not reached through properties
// alone.
func annotations(schema json.RawMessage) ([]param, error) {
	if !strings.Contains(string(schema), annotation) {
		return nil, nil
	}
	var root any
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber() // some are larger than any float
	if err := d.Decode(&root); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	w := walk{names: map[string]bool{}}
	if err := w.schema(root, nil, true); err != nil {
		return nil, err
	}
	return w.params, nil
}

type walk struct {
	params []param
	names  map[string]bool // lower case
}

// schema looks at a schema at a path; reached says that only properties lead
// there.
func (w *walk) schema(node any, path []string, reached bool) error {
	object, ok := node.(map[string]any)
	if !ok {
		return nil // true and false are schemas, too
	}
	if name, ok := object[annotation]; ok {
		if err := w.note(name, object["type"], path, reached); err != nil {
			return err
		}
	}
	for key, child := range object {
		switch key {
		case annotation, "default", "const", "enum", "examples":
			continue // data, not schemas
		case "properties":
			if err := w.each(child, path, reached); err != nil {
				return err
			}
		case "$defs", "definitions", "patternProperties", "dependentSchemas":
			if err := w.each(child, path, false); err != nil {
				return err
			}
		default:
			if list, ok := child.([]any); ok {
				for _, one := range list {
					if err := w.schema(one, path, false); err != nil {
						return err
					}
				}
			} else if err := w.schema(child, path, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) each(node any, path []string, reached bool) error {
	properties, _ := node.(map[string]any)
	for name, child := range properties {
		if err := w.schema(child, append(path[:len(path):len(path)], name), reached); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) note(name, kind any, path []string, reached bool) error {
	header, ok := name.(string)
	lower := strings.ToLower(header)
	switch {
	case !ok || header == "":
		return errors.New("a header name is empty")
	case strings.ContainsFunc(header, notToken):
		return fmt.Errorf("the header name %q is no token", header)
	case w.names[lower]:
		return fmt.Errorf("the header name %q is used twice", header)
	case !reached || len(path) == 0:
		return fmt.Errorf("the header name %q stands where no single value is", header)
	case !primitive(kind):
		return fmt.Errorf("the header name %q is on a value that is no string, integer or boolean", header)
	}
	w.names[lower] = true
	w.params = append(w.params, param{path, header})
	return nil
}

// notToken reports whether r cannot stand in a token (RFC 9110 §5.6.2).
func notToken(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
}

// primitive reports whether a schema's type is one that a header can mirror; it
// may allow null beside it.
func primitive(kind any) bool {
	switch kind := kind.(type) {
	case string:
		return kind == "string" || kind == "integer" || kind == "boolean"
	case []any:
		found := false
		for _, one := range kind {
			if one == "null" {
				continue
			}
			if found || !primitive(one) {
				return false
			}
			found = true
		}
		return found
	}
	return false
}
