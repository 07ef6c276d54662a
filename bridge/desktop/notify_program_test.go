package desktop

import (
	"slices"
	"strings"
	"testing"
)

// What a notification says is handed over as it is, and never as a part of a script.
func TestNotifierRunsNoWords(t *testing.T) {
	words := Notification{Title: `-e "$(x)"; Sign in to 'notes'`, Body: "`rm` && $env:PATH\nend run"}
	for _, goos := range []string{"darwin", "windows"} {
		argv, env, ok := notifier(goos, words)
		if !ok {
			t.Fatalf("%s: no program", goos)
		}
		title := slices.Index(argv, words.Title) // as an argument of its own, behind a word that is no option
		handed := title > 0 && argv[title-1] == "show" && argv[title+1] == words.Body ||
			slices.Contains(env, titleVariable+"="+words.Title) && slices.Contains(env, bodyVariable+"="+words.Body)
		if !handed {
			t.Errorf("%s: the words do not come: %q, %q", goos, argv, env)
		}
		for _, arg := range argv {
			if arg != words.Title && arg != words.Body && (strings.Contains(arg, "notes") || strings.Contains(arg, "`rm`")) {
				t.Errorf("%s: %q has words in it", goos, arg)
			}
		}
	}
	if _, env, _ := notifier("windows", Notification{Title: "Done"}); !slices.Contains(env, bodyVariable+"= ") {
		t.Errorf("Windows refuses an empty balloon, but gets %q", env)
	}
	if _, _, ok := notifier("plan9", words); ok {
		t.Error("a program for a system that has none")
	}
}
