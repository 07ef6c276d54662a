package clients

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	c := client(t, `{
  "mcpServers": {
    "other": {
      "command": "npx",
      "args": [
        "Authorization: Bearer sk-very-secret"
      ]
    }
  }
}
`)
	change, err := c.Plan(demo)
	if err != nil {
		t.Fatal(err)
	}
	want := `--- PATH
+++ PATH
@@ -5,6 +5,13 @@
       "args": [
         "…"
       ]
+    },
+    "demo": {
+      "command": "/usr/bin/drawbridge",
+      "args": [
+        "stdio",
+        "demo"
+      ]
     }
   }
 }
`
	if diff := cmp.Diff(strings.ReplaceAll(want, "PATH", c.Path()), change.Diff()); diff != "" {
		t.Errorf("diff (-want +got):\n%s", diff)
	}
}

func TestDiffOfAReplacedEntryHidesItsKeys(t *testing.T) {
	c := client(t, `{"mcpServers": {"demo": {"command": "npx", "env": {"KEY": "sk-very-secret"}}}}`)
	replace := demo
	replace.Replace = true
	change, err := c.Plan(replace)
	if err != nil {
		t.Fatal(err)
	}
	if diff := change.Diff(); strings.Contains(diff, "sk-very-secret") || !strings.Contains(diff, `+{"mcpServers"`) {
		t.Errorf("diff:\n%s", diff)
	}
}

func TestDiffOfANewFileAndItsRemoval(t *testing.T) {
	c := client(t, "-")
	change, err := c.Plan(demo)
	if got := change.Diff(); !strings.HasPrefix(got, "--- /dev/null\n+++ "+c.Path()+"\n@@ -0,0 +1,") {
		t.Errorf("diff of a new file:\n%s", got)
	}
	apply(t, change, err)
	change, err = c.PlanRemoval("demo")
	if err != nil {
		t.Fatal(err)
	}
	if got := change.Diff(); !strings.Contains(got, "+++ /dev/null\n@@ -1,11 +0,0 @@\n-{\n") {
		t.Errorf("diff of its removal:\n%s", got)
	}
}
