package clients

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// contextLines stand before and after the lines that change.
const contextLines = 3

// Diff shows the change as a unified diff; "" when nothing changes. Texts
// outside our own entry are shown as "…": they may be keys, and people paste
// diffs.
func (c Change) Diff() string {
	if c.Empty() {
		return ""
	}
	before, after := lines(c.veil(c.before.text)), lines(c.veil(c.after))
	same := 0
	for same < min(len(before), len(after)) && before[same] == after[same] {
		same++
	}
	tail := 0
	for tail < min(len(before), len(after))-same && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	from := max(0, same-contextLines)
	trailing := min(tail, contextLines)

	var out strings.Builder
	oldName, newName := c.path, c.path
	if !c.before.exists {
		oldName = "/dev/null"
	}
	if c.gone {
		newName = "/dev/null"
	}
	fmt.Fprintf(&out, "--- %s\n+++ %s\n@@ -%s +%s @@\n", oldName, newName,
		span(from, len(before)-tail+trailing), span(from, len(after)-tail+trailing))
	write := func(sign string, text []string) {
		for _, line := range text {
			out.WriteString(sign + strings.TrimRight(line, "\r\n") + "\n")
			if !strings.HasSuffix(line, "\n") {
				out.WriteString("\\ No newline at end of file\n")
			}
		}
	}
	write(" ", before[from:same])
	write("-", before[same:len(before)-tail])
	write("+", after[same:len(after)-tail])
	write(" ", before[len(before)-tail:len(before)-tail+trailing])
	return out.String()
}

// span is "start,count" of a hunk over lines[from:to], counted from 1.
func span(from, to int) string {
	if to == from {
		return fmt.Sprintf("%d,0", from)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

// lines splits text behind each newline.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(line string) bool { return line == "" })
}

// veil is the text with every string hidden but those of our own entry: settings
// hold keys. An entry of our name is shown when it is ours.
func (c Change) veil(text []byte) string {
	if len(bytes.TrimSpace(text)) == 0 {
		return string(text)
	}
	d, err := parseDocument(c.client.format, text)
	if err != nil { // Plan has refused such a file
		return ""
	}
	if entry, _, err := c.client.entry(d, c.name); err == nil && entry.ours() {
		return d.veiled(c.client.at, c.name)
	}
	return d.veiled()
}
