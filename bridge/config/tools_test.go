package config_test

import (
	"testing"
	"time"

	"drawbridge/bridge/config"
)

func TestHides(t *testing.T) {
	for _, tt := range []struct {
		pattern, tool string
		want          bool
	}{
		{"delete_file", "delete_file", true},
		{"delete_file", "DELETE_File", true},
		{"DELETE*", "delete_file", true},
		{"delete", "delete_file", false},
		{"delete*", "delete", true},
		{"delete*", "undelete", false},
		{"*delete", "undelete", true},
		{"*secret*", "read_secret_now", true},
		{"*", "anything", true},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "acb", false},
		{"ab*ba", "aba", false},
		{"a**c", "abc", true},
		{"get.?", "get_x", false},
		{"get.[a]", "get.[a]", true},
		{"admin/*", "admin/users/list", true},
	} {
		s := config.Server{IgnoreTools: []string{"other", tt.pattern}}
		if got := s.Hides(tt.tool); got != tt.want {
			t.Errorf("%q hides %q: %v", tt.pattern, tt.tool, got)
		}
	}
	if (config.Server{}).Hides("a") {
		t.Error("hidden without a pattern")
	}
}

func TestCheckToolPatternAndTimeout(t *testing.T) {
	for _, pattern := range []string{"", " ", "a ", "a\nb"} {
		if config.CheckToolPattern(pattern) == nil {
			t.Errorf("pattern %q is accepted", pattern)
		}
	}
	for _, timeout := range []string{"5", "x", "0s", "-1s", "500ms", "48h"} {
		if config.CheckTimeout(timeout) == nil {
			t.Errorf("timeout %q is accepted", timeout)
		}
	}
	if err := config.CheckTimeout("90s"); err != nil {
		t.Error(err)
	}
	if d := (config.Server{Timeout: "90s"}).CallTimeout(); d != 90*time.Second {
		t.Errorf("CallTimeout = %v", d)
	}
}
