package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// document is the text of a settings file. Edits splice bytes at the offsets
// that the parser gives; nothing else of the text is ever written anew.
type document struct {
	mark []byte // the byte order mark, or nothing
	text []byte
	root hujson.Value
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// parseDocument reads a file whose root is an object. A blank file is an empty
// document. Comments are refused: the clients served here read plain JSON, so
// that such a file is dead for them already.
func parseDocument(raw []byte) (*document, error) {
	d := &document{text: raw}
	if rest, ok := bytes.CutPrefix(raw, byteOrderMark); ok {
		d.mark, d.text = byteOrderMark, rest
	}
	if len(bytes.TrimSpace(d.text)) == 0 {
		d.text = []byte("{}\n")
	}
	var err error
	if d.root, err = hujson.Parse(d.text); err != nil {
		place, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "hujson: "), ":") // "line 3, column 5"
		return nil, fmt.Errorf("it is not JSON at %s", place)
	}
	if !d.root.IsStandard() {
		return nil, errors.New("it holds comments or trailing commas, which JSON has not")
	}
	if _, ok := d.root.Value.(*hujson.Object); !ok {
		return nil, errors.New("it is not an object")
	}
	return d, nil
}

// bytes is the whole file again.
func (d *document) bytes() []byte { return slices.Concat(d.mark, d.text) }

// find walks down the members of objects. It returns nil when one is missing,
// and an error when one on the way is no object or stands there twice.
func (d *document) find(path ...string) (*hujson.Value, error) {
	at := &d.root
	for i, name := range path {
		object, ok := at.Value.(*hujson.Object)
		if !ok {
			return nil, fmt.Errorf("%s is not an object", strings.Join(path[:i], "."))
		}
		var next *hujson.Value
		for m := range object.Members {
			if nameOf(object.Members[m]) != name {
				continue
			}
			if next != nil {
				return nil, fmt.Errorf("%s stands there twice", strings.Join(path[:i+1], "."))
			}
			next = &object.Members[m].Value
		}
		if next == nil {
			return nil, nil
		}
		at = next
	}
	return at, nil
}

func nameOf(m hujson.ObjectMember) string { return m.Name.Value.(hujson.Literal).String() }

// set gives the member at path the value, in place when it is there, else as
// the last of its neighbours. Missing objects on the way are made. A member
// that has the value already keeps its bytes.
func (d *document) set(value any, path ...string) error {
	for i := range path {
		at, err := d.find(path[:i+1]...)
		if err != nil {
			return err
		}
		if at != nil {
			continue
		}
		for j := len(path) - 1; j > i; j-- {
			value = map[string]any{path[j]: value}
		}
		return d.insert(path[:i], path[i], value)
	}
	at, _ := d.find(path...)
	old := d.text[at.StartOffset:at.EndOffset]
	if same, err := sameJSON(old, value); err != nil || same {
		return err
	}
	fresh, err := d.layout(path[:len(path)-1]).render(value)
	if err != nil {
		return err
	}
	return d.splice(at.StartOffset, at.EndOffset, fresh)
}

func sameJSON(old []byte, value any) (bool, error) {
	fresh, err := json.Marshal(value)
	if err != nil {
		return false, err
	}
	var a, b any
	if err := errors.Join(json.Unmarshal(old, &a), json.Unmarshal(fresh, &b)); err != nil {
		return false, err
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y), nil
}

// insert adds a member to the object at path, which is there.
func (d *document) insert(path []string, name string, value any) error {
	at, err := d.find(path...)
	if err != nil {
		return err
	}
	object, ok := at.Value.(*hujson.Object)
	if !ok {
		return fmt.Errorf("%s is not an object", strings.Join(path, "."))
	}
	lay := d.layout(path)
	fresh, err := lay.render(value)
	if err != nil {
		return err
	}
	key, err := encode(name)
	if err != nil {
		return err
	}
	member := slices.Concat(key, []byte(lay.colon), fresh)
	if n := len(object.Members); n > 0 {
		end := object.Members[n-1].Value.EndOffset
		return d.splice(end, end, slices.Concat([]byte(","), []byte(lay.between), member))
	}
	inside := member
	if !lay.oneLine {
		inside = slices.Concat([]byte(lay.between), member, []byte(lay.newline+lay.outer))
	}
	return d.splice(at.StartOffset+1, at.EndOffset-1, inside)
}

// remove takes the member at path out with the comma that it needed. It undoes
// insert, except that an object that becomes empty is written {}.
func (d *document) remove(path ...string) error {
	parent, err := d.find(path[:len(path)-1]...)
	if err != nil || parent == nil {
		return err
	}
	object, ok := parent.Value.(*hujson.Object)
	if !ok {
		return fmt.Errorf("%s is not an object", strings.Join(path[:len(path)-1], "."))
	}
	members := object.Members
	i := slices.IndexFunc(members, func(m hujson.ObjectMember) bool { return nameOf(m) == path[len(path)-1] })
	switch {
	case i < 0:
		return nil
	case len(members) == 1:
		return d.splice(parent.StartOffset+1, parent.EndOffset-1, nil)
	case i == len(members)-1:
		return d.splice(members[i-1].Value.EndOffset, members[i].Value.EndOffset, nil)
	}
	return d.splice(members[i].Name.StartOffset, members[i+1].Name.StartOffset, nil)
}

// splice replaces text[from:to] and reads the result, so that a mistake of ours
// never reaches the disk.
func (d *document) splice(from, to int, with []byte) error {
	text := slices.Concat(d.text[:from], with, d.text[to:])
	root, err := hujson.Parse(text)
	if err != nil {
		return fmt.Errorf("the edit does not parse: %w", err)
	}
	d.text, d.root = text, root
	return nil
}

// layout is how the members of one object are written.
type layout struct {
	oneLine bool
	newline string // "\n" or "\r\n"
	unit    string // one step of indentation
	outer   string // indentation of the line that holds the closing brace
	inner   string // indentation of the members
	between string // what stands between a comma and the next member
	colon   string // between a name and its value
}

// layout reads the style of the object at path off its members, else off the
// file.
func (d *document) layout(path []string) layout {
	lay := layout{newline: "\n", unit: "  ", colon: ": "}
	if bytes.Contains(d.text, []byte("\r\n")) {
		lay.newline = "\r\n"
	}
	if first := firstMember(&d.root); first != nil {
		if indent, own := ownLine(first.Name.BeforeExtra); own && indent != "" {
			lay.unit = indent
		}
		// A file on one line stays one.
		lay.oneLine = !bytes.ContainsAny(bytes.TrimSpace(d.text), "\n")
	}
	for i := range path { // the indentation of the member that is the object
		if at, _ := d.find(path[:i]...); at != nil {
			if indent, own := ownLine(memberOf(at, path[i]).Name.BeforeExtra); own {
				lay.outer = indent
			}
		}
	}
	lay.inner = lay.outer + lay.unit
	lay.between = lay.newline + lay.inner
	at, _ := d.find(path...)
	if first := firstMember(at); first != nil {
		indent, own := ownLine(first.Name.BeforeExtra)
		lay.oneLine = !own
		if own {
			lay.inner, lay.between = indent, lay.newline+indent
			if unit, deeper := strings.CutPrefix(indent, lay.outer); deeper && unit != "" {
				lay.unit = unit
			}
		}
	}
	if lay.oneLine {
		if first := firstMember(&d.root); first != nil && len(first.Value.BeforeExtra) == 0 {
			lay.colon = ":"
		}
		lay.between = strings.TrimPrefix(lay.colon, ":")
	}
	return lay
}

// ownLine is the indentation of a token that begins its line, by the blanks
// before it.
func ownLine(blanks hujson.Extra) (indent string, own bool) {
	i := bytes.LastIndexByte(blanks, '\n')
	if i < 0 {
		return "", false
	}
	return string(blanks[i+1:]), true
}

func firstMember(v *hujson.Value) *hujson.ObjectMember {
	if v == nil {
		return nil
	}
	if object, ok := v.Value.(*hujson.Object); ok && len(object.Members) > 0 {
		return &object.Members[0]
	}
	return nil
}

func memberOf(v *hujson.Value, name string) hujson.ObjectMember {
	if object, ok := v.Value.(*hujson.Object); ok {
		for _, m := range object.Members {
			if nameOf(m) == name {
				return m
			}
		}
	}
	return hujson.ObjectMember{}
}

// render writes a value as a member's value in this layout.
func (l layout) render(value any) ([]byte, error) {
	raw, err := encode(value)
	if err != nil || l.oneLine {
		return raw, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, l.inner, l.unit); err != nil {
		return nil, err
	}
	return bytes.ReplaceAll(out.Bytes(), []byte("\n"), []byte(l.newline)), nil
}

// encode is JSON without the escapes that only HTML needs.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}
