package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fenced = regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")
	inline = regexp.MustCompile("`(drawbridge [^`]+)`")
	option = regexp.MustCompile(`(^|\s)(--[a-z][a-z-]*)`)
)

// Every command in the guides is one, with options that it has.
func TestGuidesNameWhatThereIs(t *testing.T) {
	u := newUser(t)
	all, err := filepath.Glob("../../docs/guides/*.md")
	if err != nil || len(all) < 4 {
		t.Fatal(all, err)
	}
	checked := 0
	for _, file := range all {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), "\\\n", " ")
		var commands []string
		for _, block := range fenced.FindAllStringSubmatch(text, -1) {
			commands = append(commands, strings.Split(block[1], "\n")...)
		}
		for _, m := range inline.FindAllStringSubmatch(text, -1) {
			commands = append(commands, m[1])
		}
		for _, line := range commands {
			_, line, found := strings.Cut(line, "drawbridge ")
			line, _, _ = strings.Cut(line, "#")
			words := strings.Fields(line)
			if !found || len(words) == 0 || words[0] == "help" {
				continue
			}
			name := words[:1]
			if len(words) > 1 && (name[0] == "key" || name[0] == "audit") {
				name = words[:2]
			}
			help := u.run(append(append([]string{}, name...), "--help")...)
			if help.status != 0 || !strings.Contains(help.stdout, "drawbridge "+strings.Join(name, " ")) {
				t.Errorf("%s: there is no drawbridge %s", filepath.Base(file), strings.Join(name, " "))
				continue
			}
			for _, m := range option.FindAllStringSubmatch(line, -1) {
				checked++
				if !strings.Contains(help.stdout, m[2]+" ") {
					t.Errorf("%s: drawbridge %s has no %s", filepath.Base(file), strings.Join(name, " "), m[2])
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("%d options in all guides: the test looks in the wrong place", checked)
	}
}
