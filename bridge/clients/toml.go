package clients

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// tomlDocument is TOML, edited by lines: a table's header and each key with its
// value begin a line of their own.
type tomlDocument struct {
	mark  []byte
	text  []byte
	items []tomlItem
}

// tomlItem is a header of a table, or a key with its value.
type tomlItem struct {
	path     []string // from the root
	header   bool
	from, to int    // its lines, the last line's end included
	value    [2]int // where the value is
	strings  []tomlString
}

type tomlString struct{ from, to int }

func parseTOML(mark, text []byte) (*tomlDocument, error) {
	d := &tomlDocument{mark: mark, text: text}
	if len(bytes.TrimSpace(text)) == 0 {
		d.text = nil
	}
	return d, d.read()
}

// read finds the items of the text.
func (d *tomlDocument) read() error {
	if _, err := d.root(); err != nil {
		return err
	}
	d.items = nil
	var p unstable.Parser
	p.Reset(d.text)
	var table []string
	for p.NextExpression() {
		node := p.Expression()
		if node.Kind == unstable.Comment {
			continue
		}
		var item tomlItem
		var first, last unstable.Range
		for keys := node.Key(); keys.Next(); {
			key := keys.Node()
			if len(item.path) == 0 {
				first = key.Raw
			}
			last = key.Raw
			item.path = append(item.path, string(key.Data))
		}
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, item.header = item.path, true
			item.to = int(last.Offset + last.Length)
		case unstable.KeyValue:
			item.path = append(slices.Clone(table), item.path...)
			item.to = int(node.Raw.Offset + node.Raw.Length)
			after := int(last.Offset + last.Length)
			equals := after + bytes.IndexByte(d.text[after:], '=') + 1
			blanks := len(d.text[equals:]) - len(bytes.TrimLeft(d.text[equals:], " \t"))
			item.value = [2]int{equals + blanks, item.to}
			item.strings = stringsIn(node.Value(), nil)
		default:
			continue
		}
		item.from = bytes.LastIndexByte(d.text[:first.Offset], '\n') + 1
		item.to = d.lineEnd(item.to)
		d.items = append(d.items, item)
	}
	return p.Error()
}

func stringsIn(node *unstable.Node, all []tomlString) []tomlString {
	if node.Kind == unstable.String {
		return append(all, tomlString{int(node.Raw.Offset), int(node.Raw.Offset + node.Raw.Length)})
	}
	for children := node.Children(); children.Next(); {
		child := children.Node()
		if child.Kind == unstable.KeyValue {
			child = child.Value()
		}
		all = stringsIn(child, all)
	}
	return all
}

// lineEnd is where the line that at stands on ends, its newline included.
func (d *tomlDocument) lineEnd(at int) int {
	if i := bytes.IndexByte(d.text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(d.text)
}

func (d *tomlDocument) bytes() []byte { return slices.Concat(d.mark, d.text) }

func (d *tomlDocument) root() (map[string]any, error) {
	root := map[string]any{}
	if err := toml.Unmarshal(d.text, &root); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, column := at.Position()
			return nil, fmt.Errorf("it is not TOML at line %d, column %d", line, column)
		}
		return nil, errors.New("it is not TOML")
	}
	return root, nil
}

func (d *tomlDocument) names(at string) ([]string, error) {
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	value, found := root[at]
	if !found {
		return nil, nil
	}
	entries, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a table", at)
	}
	var all []string
	for _, item := range d.items {
		if len(item.path) > 1 && item.path[0] == at && !slices.Contains(all, item.path[1]) {
			all = append(all, item.path[1])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) { // of an inline table
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all, nil
}

func (d *tomlDocument) set(value any, path ...string) error {
	members, isTable := value.(fields)
	if isTable && len(path) == 2 {
		if err := d.remove(path...); err != nil {
			return err
		}
		return d.append(members, path)
	}
	for _, item := range d.items {
		if !item.header && slices.Equal(item.path, path) {
			return d.splice(edit{item.value[0], item.value[1], tomlValue(value)})
		}
	}
	if err := d.remove(path...); err != nil { // a table of that name
		return err
	}
	at := -1
	for _, item := range d.items {
		if slices.Equal(item.path, path[:len(path)-1]) && item.header || !item.header && slices.Equal(item.path[:len(item.path)-1], path[:len(path)-1]) {
			at = item.to
		}
	}
	if at < 0 {
		return errors.New("an entry in it is written in a way that cannot be edited safely")
	}
	return d.insert(at, tomlKey(path[len(path)-1])+" = "+tomlValue(value)+newline(d.text))
}

// append writes a table behind the last of its neighbours, else at the end.
func (d *tomlDocument) append(members fields, path []string) error {
	at := len(d.text)
	for _, item := range d.items {
		if item.path[0] == path[0] {
			at = item.to
		}
	}
	end := newline(d.text)
	var block strings.Builder
	if len(d.text) > 0 && !bytes.HasSuffix(d.text[:at], []byte(end+end)) {
		block.WriteString(end)
	}
	fmt.Fprintf(&block, "[%s]%s", tomlKey(path...), end)
	for _, f := range members {
		fmt.Fprintf(&block, "%s = %s%s", tomlKey(f.name), tomlValue(f.value), end)
	}
	return d.insert(at, block.String())
}

// insert writes whole lines at the end of a line.
func (d *tomlDocument) insert(at int, lines string) error {
	if at > 0 && d.text[at-1] != '\n' { // the last line of the file
		lines = newline(d.text) + lines
	}
	return d.splice(edit{at, at, lines})
}

// remove takes out the lines of a key or a table and the tables below it, with
// what stands between them, and one blank line above.
func (d *tomlDocument) remove(path ...string) error {
	var edits []edit
	for i := 0; i < len(d.items); i++ {
		if !below(d.items[i].path, path) {
			continue
		}
		e := edit{from: d.items[i].from, to: d.items[i].to}
		for i+1 < len(d.items) && below(d.items[i+1].path, path) {
			i++
			e.to = d.items[i].to
		}
		if blank := blankBefore(d.text, e.from); blank < e.from && (e.to == len(d.text) || blankAt(d.text, e.to)) {
			e.from = blank
		}
		edits = append(edits, e)
	}
	return d.splice(edits...)
}

func below(path, of []string) bool { return len(path) >= len(of) && slices.Equal(path[:len(of)], of) }

// blankBefore is where the blank line above the line at begins; at when there is none.
func blankBefore(text []byte, at int) int {
	for _, blank := range []string{"\r\n", "\n"} {
		if rest, ok := bytes.CutSuffix(text[:at], []byte(blank)); ok && (len(rest) == 0 || rest[len(rest)-1] == '\n') {
			return len(rest)
		}
	}
	return at
}

func blankAt(text []byte, at int) bool {
	return bytes.HasPrefix(text[at:], []byte("\n")) || bytes.HasPrefix(text[at:], []byte("\r\n"))
}

func (d *tomlDocument) splice(edits ...edit) error {
	d.text = splice(d.text, edits...)
	if err := d.read(); err != nil {
		return errors.New("it is written in a way that cannot be edited safely")
	}
	return nil
}

func (d *tomlDocument) veiled(path ...string) string {
	var edits []edit
	for _, item := range d.items {
		if len(path) > 0 && below(item.path, path) {
			continue
		}
		for _, s := range item.strings {
			edits = append(edits, edit{s.from, s.to, `"…"`})
		}
	}
	return string(splice(d.text, edits...))
}

var tomlBareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func tomlKey(path ...string) string {
	var out []string
	for _, name := range path {
		if !tomlBareKey.MatchString(name) {
			name = tomlValue(name)
		}
		out = append(out, name)
	}
	return strings.Join(out, ".")
}

// tomlValue writes a value on one line. A basic string takes JSON's escapes.
func tomlValue(value any) string {
	switch v := value.(type) {
	case string:
		text, _ := encode(v) // a string can always be written
		return strings.ReplaceAll(string(text), "\x7f", `\u007f`)
	case []string:
		parts := make([]string, len(v))
		for i, each := range v {
			parts[i] = tomlValue(each)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]string:
		if len(v) == 0 {
			return "{}"
		}
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, tomlKey(name)+" = "+tomlValue(v[name]))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return fmt.Sprint(value)
}
