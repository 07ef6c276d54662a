package cli_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	commandLine = regexp.MustCompile(`(?m)^  ([a-z]+) {2,}[A-Z]`)
	exitStatus  = regexp.MustCompile(`exit\s+status`)
)

// TestHelp reads the help of every command that the program lists: it has an
// example that starts with the command itself, each option has words, and where
// a script would look at the exit status it is there.
func TestHelp(t *testing.T) {
	u := newUser(t)
	top := u.must("--help").stdout
	if bare := u.must(); bare.stdout != top || bare.stderr != "" {
		t.Error("without arguments it says something else than with --help")
	}
	for _, status := range []string{"0", "1", "2", "10", "11", "12"} {
		if !regexp.MustCompile(`\b` + status + `\b`).MatchString(top) {
			t.Errorf("the exit status %s is not named", status)
		}
	}
	var commands []string
	for _, m := range commandLine.FindAllStringSubmatch(top, -1) {
		commands = append(commands, m[1])
	}
	if len(commands) < 15 {
		t.Fatalf("only the commands %q were found in\n%s", commands, top)
	}
	commands = append(commands, "agent stop")
	for _, command := range commands {
		if command == "demo" { // another program's; see TestHelpOfDemo
			continue
		}
		args := strings.Fields(command)
		got := u.must(append(args, "--help")...)
		if got.stderr != "" {
			t.Errorf("%s: on standard error: %s", command, got.stderr)
		}
		if viaHelp := u.must(append([]string{"help"}, args...)...); viaHelp.stdout != got.stdout {
			t.Errorf("help %s says something else than %s --help:\n%s", command, command, viaHelp.stdout)
		}
		_, examples, ok := strings.Cut(got.stdout, "\nExamples:\n")
		examples, _, _ = strings.Cut(examples, "\n\n")
		if !ok || !strings.Contains(examples, "drawbridge "+command) {
			t.Errorf("%s: no example of it:\n%s", command, got.stdout)
		}
		for _, line := range strings.Split(got.stdout, "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "--") && !regexp.MustCompile(`--\S+( \S.*?)? {2,}\S`).MatchString(line) {
				t.Errorf("%s: an option without words: %s", command, line)
			}
			if len(line) > 130 {
				t.Errorf("%s: a line of %d characters: %s", command, len(line), line)
			}
		}
		if slices.Contains([]string{"login", "status", "token", "inspect", "remove", "logout", "add"}, command) && !exitStatus.MatchString(got.stdout) {
			t.Errorf("%s: the exit status is not named:\n%s", command, got.stdout)
		}
	}
}

// TestHelpOfDemo: the demo's options are another program's, which is not beside
// a test.
func TestHelpOfDemo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	u := newUser(t)
	got := u.run("demo", "--help")
	want := "drawbridge: The demo is not installed: drawbridge-demo is missing beside this program.\n  From the sources: make build\n"
	if got.status != 1 || got.stderr != want {
		t.Errorf("%v", got)
	}
	if got := u.must("help", "demo"); !strings.Contains(got.stdout, "drawbridge demo") {
		t.Errorf("%v", got)
	}
}
