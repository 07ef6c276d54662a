package cli

import (
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/credential"
)

func TestShowCode(t *testing.T) {
	var out strings.Builder
	code := credential.DeviceCode{Code: "ABCD-EFGH", URL: "https://as.example/d", Complete: "https://as.example/d?c=1", ExpiresAt: time.Now()}
	showCode(&out, "notes", code, true)
	for _, want := range []string{"notes", code.Code, code.URL + "\n", code.Complete, "█"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	lines := strings.Split(strings.TrimSuffix(qrText(code.Complete), "\n"), "\n")
	if size := len([]rune(lines[0])); size < 29 || (size+1)/2 != len(lines) || strings.Trim(lines[0], "█") != "" {
		t.Errorf("%d lines of %d: no square with a light border", len(lines), size)
	}
}
