package desktop

import (
	"slices"
	"strings"
)

// wanted are the variables that a program needs to appear in the session.
// Nothing else is taken over: a service manager's environment may hold secrets.
var wanted = []string{
	"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "BROWSER", "DESKTOP_SESSION",
	"KDE_FULL_SESSION", "KDE_SESSION_VERSION", "GNOME_DESKTOP_SESSION_ID", "LANG", "LANGUAGE",
}

// sessionVariables picks the wanted variables out of NAME=VALUE lines.
func sessionVariables(lines []string) map[string]string {
	picked := map[string]string{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, "=")
		if ok && value != "" && (slices.Contains(wanted, name) || strings.HasPrefix(name, "XDG_") || strings.HasPrefix(name, "LC_")) {
			picked[name] = value
		}
	}
	return picked
}

// Complete returns env (NAME=VALUE) with the variables of session that env
// lacks: what the person set for us stays.
func Complete(env []string, session map[string]string) []string {
	have := map[string]bool{}
	for _, line := range env {
		if name, value, _ := strings.Cut(line, "="); value != "" {
			have[name] = true
		}
	}
	out := slices.Clone(env)
	for name, value := range session {
		if !have[name] {
			out = append(out, name+"="+value)
		}
	}
	return out
}
