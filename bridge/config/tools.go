package config

import (
	"fmt"
	"strings"
	"time"

	"drawbridge/bridge/fault"
)

// CheckToolPattern refuses a pattern that could match no tool, or all by mistake.
func CheckToolPattern(pattern string) error {
	if strings.TrimSpace(pattern) != pattern || pattern == "" || strings.ContainsAny(pattern, "\r\n") {
		return fault.New(fault.Usage, fmt.Sprintf("%q is no pattern for the names of tools.", pattern), "Use a name, or * for any part of one: 'delete*', '*secret*'.")
	}
	return nil
}

// Hides reports whether a tool is to be kept from clients: its name matches one
// of IgnoreTools as a whole, upper and lower case alike; * stands for any part,
// also an empty one, and every other character for itself.
func (s Server) Hides(tool string) bool {
	for _, pattern := range s.IgnoreTools {
		if matches(strings.ToLower(pattern), strings.ToLower(tool)) {
			return true
		}
	}
	return false
}

func matches(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	name, ok := strings.CutPrefix(name, first)
	if !ok || !star {
		return ok && name == ""
	}
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(part):], more
	}
}

// CallTimeout is how long a request may go unanswered without progress; 0 has no
// end.
func (s Server) CallTimeout() time.Duration {
	d, err := time.ParseDuration(s.Timeout)
	if err != nil {
		return 0
	}
	return d
}

// CheckTimeout refuses what is no time for a call; "" is one.
func CheckTimeout(timeout string) error {
	if timeout == "" {
		return nil
	}
	if d, err := time.ParseDuration(timeout); err != nil || d < time.Second || d > 24*time.Hour {
		return fault.New(fault.Usage, fmt.Sprintf("%q is no time that a call may take.", timeout), "Use one from 1s to 24h, such as 90s or 5m.")
	}
	return nil
}
