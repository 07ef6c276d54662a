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

// jsonDocument is JSON, with comments and trailing commas or without.
type jsonDocument struct {
	mark     []byte // the byte order mark, or nothing
	text     []byte
	parsed   hujson.Value
	comments bool
}

// parseJSON reads a file whose root is an object. Unless comments are allowed
// they are refused: such a client reads plain JSON, so that the file is dead for
// it already.
func parseJSON(mark, text []byte, comments bool) (*jsonDocument, error) {
	d := &jsonDocument{mark: mark, text: text, comments: comments}
	if len(bytes.TrimSpace(text)) == 0 {
		d.text = []byte("{}\n")
	}
	var err error
	if d.parsed, err = hujson.Parse(d.text); err != nil {
		place, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "hujson: "), ":") // "line 3, column 5"
		return nil, fmt.Errorf("it is not JSON at %s", place)
	}
	if !comments && !d.parsed.IsStandard() {
		return nil, errors.New("it holds comments or trailing commas, which JSON has not")
	}
	if _, ok := d.parsed.Value.(*hujson.Object); !ok {
		return nil, errors.New("it is not an object")
	}
	return d, nil
}

func (d *jsonDocument) bytes() []byte { return slices.Concat(d.mark, d.text) }

func (d *jsonDocument) root() (map[string]any, error) {
	plain := d.parsed.Clone()
	plain.Standardize()
	var root map[string]any
	dec := json.NewDecoder(bytes.NewReader(plain.Pack()))
	dec.UseNumber()
	if err := dec.Decode(&root); err != nil {
		return nil, errors.New("it is not JSON")
	}
	return root, nil
}

func (d *jsonDocument) names(at string) ([]string, error) {
	found, err := d.find(at)
	if err != nil || found == nil {
		return nil, err
	}
	object, ok := found.Value.(*hujson.Object)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", at)
	}
	var all []string
	for _, m := range object.Members {
		if slices.Contains(all, nameOf(m)) {
			return nil, fmt.Errorf("%s.%s stands there twice", at, nameOf(m))
		}
		all = append(all, nameOf(m))
	}
	return all, nil
}

// find walks down the members of objects. It returns nil when one is missing,
// and an error when one on the way is no object or stands there twice.
func (d *jsonDocument) find(path ...string) (*hujson.Value, error) {
	at := &d.parsed
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
func (d *jsonDocument) set(value any, path ...string) error {
	for i := range path {
		at, err := d.find(path[:i+1]...)
		if err != nil {
			return err
		}
		if at != nil {
			continue
		}
		for j := len(path) - 1; j > i; j-- {
			value = fields{{path[j], value}}
		}
		return d.insert(path[:i], path[i], value)
	}
	at, _ := d.find(path...)
	old := d.text[at.StartOffset:at.EndOffset]
	if sameJSON(old, value) {
		return nil
	}
	fresh, err := d.layout(path[:len(path)-1]).render(value)
	if err != nil {
		return err
	}
	return d.splice(edit{at.StartOffset, at.EndOffset, string(fresh)})
}

func sameJSON(old []byte, value any) bool {
	old, err := hujson.Standardize(bytes.Clone(old))
	if err != nil {
		return false
	}
	var was any
	dec := json.NewDecoder(bytes.NewReader(old))
	dec.UseNumber()
	return dec.Decode(&was) == nil && same(was, plain(value))
}

// insert adds a member to the object at path, which is there.
func (d *jsonDocument) insert(path []string, name string, value any) error {
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
	member := string(key) + lay.colon + string(fresh)
	if n := len(object.Members); n > 0 {
		last := object.Members[n-1].Value
		if last.AfterExtra != nil { // there is a comma already, and one stays behind us
			at := last.EndOffset + len(last.AfterExtra) + len(",")
			at += lineTail(object.AfterExtra)
			return d.splice(edit{at, at, lay.between + member + ","})
		}
		at := last.EndOffset + lineTail(object.AfterExtra)
		if at == last.EndOffset {
			return d.splice(edit{at, at, "," + lay.between + member})
		}
		return d.splice(edit{last.EndOffset, last.EndOffset, ","}, edit{at, at, lay.between + member})
	}
	inside := d.text[at.StartOffset+1 : at.EndOffset-1]
	if len(bytes.TrimSpace(inside)) > 0 { // comments: they stay above it
		kept := strings.TrimRight(string(inside), " \t\r\n")
		return d.splice(edit{at.StartOffset + 1 + len(kept), at.EndOffset - 1, lay.newline + lay.inner + member + lay.newline + lay.outer})
	}
	if !lay.oneLine {
		member = lay.between + member + lay.newline + lay.outer
	}
	return d.splice(edit{at.StartOffset + 1, at.EndOffset - 1, member})
}

// lineTail is the length of what of an extra belongs to the line before it: the
// comments behind a member on its own line.
func lineTail(extra hujson.Extra) int {
	end := 0
	for i := 0; i < len(extra); {
		rest := extra[i:]
		switch {
		case bytes.HasPrefix(rest, []byte("//")):
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			return i + len(bytes.TrimRight(rest[:end], "\r"))
		case bytes.HasPrefix(rest, []byte("/*")):
			close := bytes.Index(rest, []byte("*/"))
			if close < 0 || bytes.IndexByte(rest[:close], '\n') >= 0 {
				return end
			}
			i += close + len("*/")
			end = i
		case rest[0] == ' ' || rest[0] == '\t':
			i++
		default:
			return end
		}
	}
	return end
}

// remove takes the member at path out with the comma that it needed and the
// comment behind it on its line. It undoes insert, except that an object that
// becomes empty is written {}.
func (d *jsonDocument) remove(path ...string) error {
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
	if i < 0 {
		return nil
	}
	last, comma := i == len(members)-1, true
	name, value := members[i].Name, members[i].Value
	to := value.EndOffset
	switch {
	case !last:
		to += len(value.AfterExtra) + len(",")
		to += lineTail(members[i+1].Name.BeforeExtra)
	case value.AfterExtra != nil: // nil when no comma follows
		to += len(value.AfterExtra) + len(",")
		to += lineTail(object.AfterExtra)
	default:
		comma = false
		to += lineTail(object.AfterExtra)
	}
	from := name.StartOffset
	blanks := len(name.BeforeExtra) - len(bytes.TrimRight(name.BeforeExtra, " \t\r\n"))
	between := string(name.BeforeExtra[len(name.BeforeExtra)-blanks:])
	if line := strings.LastIndexByte(between, '\n'); line >= 0 { // an own line: only this line goes
		from -= len(between) - line
		if line > 0 && between[line-1] == '\r' {
			from--
		}
	} else if i == 0 { // the first of its line: the blanks behind it go
		to += len(d.text[to:]) - len(bytes.TrimLeft(d.text[to:], " \t"))
	} else {
		from -= blanks
	}
	edits := []edit{{from, to, ""}}
	if !comma && i > 0 { // the neighbour is the last now
		end := members[i-1].Value.EndOffset + len(members[i-1].Value.AfterExtra)
		edits = append(edits, edit{end, end + len(","), ""})
	}
	if err := d.splice(edits...); err != nil {
		return err
	}
	if parent, err = d.find(path[:len(path)-1]...); err != nil {
		return err
	}
	if inside := d.text[parent.StartOffset+1 : parent.EndOffset-1]; len(members) == 1 && len(bytes.TrimSpace(inside)) == 0 {
		return d.splice(edit{parent.StartOffset + 1, parent.EndOffset - 1, ""})
	}
	return nil
}

// splice makes the edits and reads the result, so that a mistake of ours never
// reaches the disk.
func (d *jsonDocument) splice(edits ...edit) error {
	text := splice(d.text, edits...)
	parsed, err := hujson.Parse(text)
	if err != nil {
		return fmt.Errorf("the edit does not parse: %w", err)
	}
	d.text, d.parsed = text, parsed
	return nil
}

// veiled implements document.
func (d *jsonDocument) veiled(path ...string) string {
	var shown *hujson.Value
	if len(path) > 0 {
		shown, _ = d.find(path...)
	}
	var edits []edit
	var walk func(v *hujson.Value)
	walk = func(v *hujson.Value) {
		if v == shown {
			return
		}
		switch value := v.Value.(type) {
		case hujson.Literal:
			if value.Kind() == '"' {
				edits = append(edits, edit{v.StartOffset, v.EndOffset, `"…"`})
			}
		case *hujson.Array:
			for i := range value.Elements {
				walk(&value.Elements[i])
			}
		case *hujson.Object:
			for i := range value.Members {
				walk(&value.Members[i].Value)
			}
		}
	}
	walk(&d.parsed)
	return string(splice(d.text, edits...))
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
func (d *jsonDocument) layout(path []string) layout {
	lay := layout{newline: newline(d.text), unit: "  ", colon: ": "}
	if first := firstMember(&d.parsed); first != nil {
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
		if first := firstMember(&d.parsed); first != nil && len(first.Value.BeforeExtra) == 0 {
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
