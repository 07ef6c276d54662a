package oauth

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden pages")

func TestPageGolden(t *testing.T) {
	for name, page := range map[string]Page{
		"ok":      {OK: true, Title: "Signed in to demo", Text: "You are signed in as ada@example.com. You can close this tab."},
		"not_ok":  {Title: "Not signed in", Text: "The sign-in was declined at \"https://auth.example.com\". Sign in again if that was not meant."},
		"awaited": pageNotAwaited,
	} {
		got, _ := page.render()
		file := filepath.Join("testdata", "page_"+name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s differs (run with -update if that is meant; -want +got):\n%s", file, diff)
		}
	}
}

// The page shows texts that others had a part in and stands at an address that
// holds a code.
func TestPageIsSelfContained(t *testing.T) {
	got, _ := Page{OK: true, Title: `<script>alert(1)</script>`, Text: `"><img src=x onerror=y> {{title}} & é`}.render()
	for _, bad := range []string{"<script", "<img", "onerror=y>"} {
		if strings.Contains(got, bad) {
			t.Errorf("the page has %q in it", bad)
		}
	}
	harmless, _ := Page{OK: true, Title: "a", Text: "b"}.render()
	for _, bad := range []string{"href=", "src=", "url(", "@import", "http:", "https:", "<script", "<link", "style="} {
		if strings.Contains(harmless, bad) {
			t.Errorf("the page has %q in it", bad)
		}
	}
	for _, want := range []string{"&lt;script&gt;", "&amp; é", "{{title}}", "prefers-color-scheme: dark", `name="viewport"`, `lang="en"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if left := regexp.MustCompile(`\{\{(style|class|sign|text)\}\}`).FindString(got); left != "" {
		t.Errorf("%s is not filled in", left)
	}
}
