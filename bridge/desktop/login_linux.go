package desktop

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// path is where the desktop looks for what to start (Desktop Application
// Autostart Specification 0.5).
func (i LoginItem) path() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("start at login: %w", err)
	}
	return filepath.Join(dir, "autostart", i.ID+".desktop"), nil
}

func (i LoginItem) content() string {
	var words []string
	for _, arg := range i.Command {
		words = append(words, execWord(arg))
	}
	return "[Desktop Entry]\nType=Application\nName=" + entryText(i.Title) + "\nExec=" + strings.Join(words, " ") +
		"\nTerminal=false\nNoDisplay=true\nX-GNOME-Autostart-enabled=true\n"
}

// execWord quotes an argument of an Exec line (Desktop Entry Specification 1.5,
// "The Exec key"). Inside the quotes of that key backslashes count once more
// because the value is a string.
func execWord(arg string) string {
	quoted := strings.NewReplacer(`\`, `\\\\`, `"`, `\\"`, "`", "\\\\`", `$`, `\\$`, `%`, `%%`, "\n", `\n`).Replace(arg)
	return `"` + quoted + `"`
}

// entryText escapes a value of type string.
func entryText(s string) string { return strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(s) }

// counts reports whether the entry is in force: a person's desktop switches one
// off by a line in it.
func (LoginItem) counts(raw []byte) bool {
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if name == "Hidden" && value == "true" || name == "X-GNOME-Autostart-enabled" && value == "false" {
			return false
		}
	}
	return true
}
