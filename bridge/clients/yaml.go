package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlDocument is YAML, edited by lines: only mappings in block style are, in
// which each name begins a line of its own.
type yamlDocument struct {
	mark   []byte
	text   []byte
	parsed *yaml.Node // the root mapping; nil for a document without content
	lines  []int      // where each line begins, and the end of the text
}

func parseYAML(mark, text []byte) (*yamlDocument, error) {
	d := &yamlDocument{mark: mark, text: text}
	if len(bytes.TrimSpace(text)) == 0 {
		d.text = nil
	}
	if yamlOtherBreak.Match(text) {
		return nil, errors.New("it holds line ends that few programs know")
	}
	return d, d.read()
}

// yamlOtherBreak is what ends a line for YAML and not for us.
var yamlOtherBreak = regexp.MustCompile("\r[^\n]|\r$|[\u0085\u2028\u2029]")

var yamlLine = regexp.MustCompile(`line (\d+)`)

func (d *yamlDocument) read() error {
	d.parsed, d.lines = nil, []int{0}
	for i, c := range d.text {
		if c == '\n' && i+1 < len(d.text) {
			d.lines = append(d.lines, i+1)
		}
	}
	d.lines = append(d.lines, len(d.text))
	dec := yaml.NewDecoder(bytes.NewReader(d.text))
	var node yaml.Node
	switch err := dec.Decode(&node); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return notYAML(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("it holds more than one document")
	}
	root := node.Content[0]
	switch {
	case root.Kind == yaml.ScalarNode && root.Tag == "!!null":
		for line := range bytes.Lines(d.text) {
			if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
				return errors.New("it is not a mapping of names to values")
			}
		}
		return nil
	case root.Kind != yaml.MappingNode:
		return errors.New("it is not a mapping of names to values")
	}
	d.parsed = root
	_, err := d.root() // finds a name that stands there twice
	return err
}

// notYAML keeps the line of a parser's error and nothing of the file's text.
func notYAML(err error) error {
	if found := yamlLine.FindString(err.Error()); found != "" {
		return fmt.Errorf("it is not YAML at %s", found)
	}
	return errors.New("it is not YAML")
}

func (d *yamlDocument) bytes() []byte { return slices.Concat(d.mark, d.text) }

func (d *yamlDocument) root() (map[string]any, error) {
	root := map[string]any{}
	if d.parsed == nil {
		return root, nil
	}
	if err := d.parsed.Decode(&root); err != nil {
		return nil, notYAML(err)
	}
	return root, nil
}

// member finds the name and the value of a mapping's member; nil when it is not there.
func member(of *yaml.Node, name string) (key, value *yaml.Node) {
	if of == nil || of.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(of.Content); i += 2 {
		if of.Content[i].Value == name {
			return of.Content[i], of.Content[i+1]
		}
	}
	return nil, nil
}

func (d *yamlDocument) names(at string) ([]string, error) {
	_, found := member(d.parsed, at)
	switch {
	case found == nil || found.Tag == "!!null":
		return nil, nil
	case found.Kind != yaml.MappingNode:
		return nil, fmt.Errorf("%s is not a mapping of names to entries", at)
	}
	var all []string
	for i := 0; i < len(found.Content); i += 2 {
		all = append(all, found.Content[i].Value)
	}
	return all, nil
}

// errFlow is what cannot be edited by lines.
var errFlow = errors.New("it is written in a way that cannot be edited safely")

// find walks down a path. depth is how much of it is there; parent is the value
// that holds, or would hold, the next member.
func (d *yamlDocument) find(path []string) (key, parent *yaml.Node, depth int) {
	parent = d.parsed
	for i, name := range path {
		found, value := member(parent, name)
		if found == nil {
			return key, parent, i
		}
		if i == len(path)-1 {
			return found, parent, len(path)
		}
		key, parent = found, value
	}
	return key, parent, len(path)
}

func (d *yamlDocument) set(value any, path ...string) error {
	key, parent, depth := d.find(path)
	for i := len(path) - 1; i > depth; i-- {
		value = fields{{path[i], value}}
	}
	end := newline(d.text)
	block := func(indent, unit string) string {
		return yamlMember(path[min(depth, len(path)-1)], value, indent, unit, end)
	}
	unit := d.unit()
	if parent != nil && (parent.Style&yaml.TaggedStyle != 0 || parent.Anchor != "") {
		return errFlow // the lines below would be something else, or meant elsewhere too
	}
	switch {
	case depth == len(path): // in the place of the old one
		if parent.Style&yaml.FlowStyle != 0 {
			return errFlow
		}
		from, to := d.extent(key)
		return d.splice(edit{from, to, block(d.indent(key), unit)})
	case depth == 0:
		if d.parsed != nil && d.parsed.Style&yaml.FlowStyle != 0 {
			return errFlow
		}
		return d.insert(len(d.text), block("", unit))
	case parent.Kind == yaml.MappingNode && parent.Style&yaml.FlowStyle == 0 && len(parent.Content) > 0:
		last := parent.Content[len(parent.Content)-2]
		_, to := d.extent(last)
		return d.insert(to, block(d.indent(last), unit))
	case parent.Kind == yaml.MappingNode && len(parent.Content) == 0 || parent.Tag == "!!null":
		return d.fill(key, parent, block(d.indent(key)+unit, unit))
	}
	return errFlow
}

// fill writes the first member of a mapping that is empty: {}, null or nothing.
func (d *yamlDocument) fill(key, empty *yaml.Node, lines string) error {
	_, to := d.extent(key)
	from := d.lines[key.Line-1]
	line := string(d.text[from:d.lines[key.Line]])
	if empty.Line == key.Line && empty.Value != "" || empty.Kind == yaml.MappingNode {
		if empty.Line != key.Line {
			return errFlow
		}
		colon := key.Column - 1
		for _, word := range []string{"{}", "null", "Null", "NULL", "~"} {
			if i := strings.Index(line[colon:], word); i > 0 && strings.HasSuffix(strings.TrimRight(line[:colon+i], " \t"), ":") {
				kept := strings.TrimRight(line[:colon+i], " \t")
				start := from + len(kept)
				if err := d.splice(edit{start, from + colon + i + len(word), ""}); err != nil {
					return err
				}
				to -= len(line[:colon+i]) + len(word) - len(kept)
				return d.insert(to, lines)
			}
		}
		return errFlow
	}
	return d.insert(to, lines)
}

// insert writes whole lines at the end of a line.
func (d *yamlDocument) insert(at int, lines string) error {
	if at > 0 && d.text[at-1] != '\n' {
		lines = newline(d.text) + lines
	}
	return d.splice(edit{at, at, lines})
}

func (d *yamlDocument) remove(path ...string) error {
	key, parent, depth := d.find(path)
	if depth < len(path) {
		return nil
	}
	if parent.Style&yaml.FlowStyle != 0 {
		return errFlow
	}
	from, to := d.extent(key)
	edits := []edit{{from, to, ""}}
	if len(parent.Content) == 2 && len(path) > 1 {
		holder, _, _ := d.find(path[:len(path)-1])
		start := d.lines[holder.Line-1]
		line := d.text[start:d.lines[holder.Line]]
		colon := holder.Column - 1 + bytes.IndexByte(line[holder.Column-1:], ':') + 1
		edits = append(edits, edit{start + colon, start + colon, " {}"})
	}
	return d.splice(edits...)
}

// extent is the lines of a member: its name's line and all below it that stand
// deeper, less blank lines at the end. Items of a list may stand as deep as its name.
func (d *yamlDocument) extent(key *yaml.Node) (from, to int) {
	at := key.Line - 1
	from, to = d.lines[at], d.lines[at+1]
	for i := at + 1; i < len(d.lines)-1; i++ {
		line := d.text[d.lines[i]:d.lines[i+1]]
		text := bytes.TrimLeft(line, " ")
		depth := len(line) - len(text)
		switch rest := bytes.TrimSpace(text); {
		case len(rest) == 0:
			continue
		case depth >= key.Column, depth == key.Column-1 && (bytes.Equal(rest, []byte("-")) || bytes.HasPrefix(rest, []byte("- "))):
			to = d.lines[i+1]
		default:
			return from, to
		}
	}
	return from, to
}

func (d *yamlDocument) indent(key *yaml.Node) string { return strings.Repeat(" ", key.Column-1) }

// unit is one step of indentation, as the file has it.
func (d *yamlDocument) unit() string {
	if d.parsed != nil && d.parsed.Style&yaml.FlowStyle == 0 {
		for _, value := range d.parsed.Content {
			if value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 && len(value.Content) > 0 && value.Column > 1 {
				return strings.Repeat(" ", value.Column-1)
			}
		}
	}
	return "  "
}

func (d *yamlDocument) splice(edits ...edit) error {
	d.text = splice(d.text, edits...)
	if err := d.read(); err != nil {
		return errFlow
	}
	return nil
}

var yamlNameAndValue = regexp.MustCompile(`^(\s*(?:- )*(?:[A-Za-z0-9_.-]+|"[^"]*"|'[^']*'):)(\s+\S.*)?$`)

// veiled hides what stands behind every name, since a value may go on over
// lines; comments too, which may be an entry that was taken out.
func (d *yamlDocument) veiled(path ...string) string {
	from, to := -1, -1
	if len(path) > 0 {
		if key, _, depth := d.find(path); depth == len(path) {
			from, to = d.extent(key)
		}
	}
	var out strings.Builder
	for i := range len(d.lines) - 1 {
		line := string(d.text[d.lines[i]:d.lines[i+1]])
		text := strings.TrimRight(line, "\r\n")
		end := line[len(text):]
		switch {
		case d.lines[i] >= from && d.lines[i] < to, strings.TrimSpace(text) == "":
		case yamlNameAndValue.MatchString(text):
			m := yamlNameAndValue.FindStringSubmatch(text)
			if text = m[1]; m[2] != "" {
				text += " …"
			}
		default:
			text = text[:len(text)-len(strings.TrimLeft(text, " "))] + "…"
		}
		out.WriteString(text + end)
	}
	return out.String()
}

// yamlMember writes a member in block style.
func yamlMember(name string, value any, indent, unit, end string) string {
	head := indent + yamlText(name) + ":"
	var out strings.Builder
	switch v := value.(type) {
	case fields:
		out.WriteString(head + end)
		for _, f := range v {
			out.WriteString(yamlMember(f.name, f.value, indent+unit, unit, end))
		}
	case map[string]string:
		if len(v) == 0 {
			return head + " {}" + end
		}
		out.WriteString(head + end)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out.WriteString(yamlMember(name, v[name], indent+unit, unit, end))
		}
	case []string:
		if len(v) == 0 {
			return head + " []" + end
		}
		out.WriteString(head + end)
		for _, text := range v {
			out.WriteString(indent + "- " + yamlText(text) + end)
		}
	case string:
		return head + " " + yamlText(v) + end
	default:
		return head + " " + fmt.Sprint(v) + end
	}
	return out.String()
}

var yamlPlain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@ -]*[A-Za-z0-9_./@-]$|^[A-Za-z]$`)

// yamlText writes a text plainly where YAML reads it as one, else in double
// quotes, which take JSON's escapes.
func yamlText(text string) string {
	var is any
	if yamlPlain.MatchString(text) && yaml.Unmarshal([]byte(text), &is) == nil && is == text &&
		!slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}, strings.ToLower(text)) {
		return text
	}
	quoted, _ := encode(text) // a string can always be written
	return strings.ReplaceAll(string(quoted), "\x7f", `\x7f`)
}
