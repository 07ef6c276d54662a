package harness

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// notifyd is Xfce's notification service, which the session bus starts for whom
// has something to say.
const notifyd = "xfce4-notifyd"

// NotificationService sees what passes between programs and the desktop's own
// notification service, and clicks what that one shows.
type NotificationService struct {
	d *Desktop

	mu      sync.Mutex
	said    []string
	invoked []string
}

// WatchNotifications watches the session's bus from now on.
func (d *Desktop) WatchNotifications() *NotificationService {
	d.t.Helper()
	s := &NotificationService{d: d}
	conn := sessionBus(d.t)
	heard := make(chan *dbus.Message, 64)
	rules := []string{
		"type='method_call',interface='" + notificationsName + "',member='Notify'",
		"type='signal',interface='" + notificationsName + "',member='ActionInvoked'",
	}
	if err := conn.BusObject().Call("org.freedesktop.DBus.Monitoring.BecomeMonitor", 0, rules, uint32(0)).Err; err != nil {
		d.t.Fatal(err)
	}
	conn.Eavesdrop(heard)
	go func() { // ends with the connection
		for m := range heard {
			s.note(m)
		}
	}()
	return s
}

func (s *NotificationService) note(m *dbus.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch m.Headers[dbus.FieldMember].Value() {
	case "Notify":
		var app, icon, title, body string
		var replaces uint32
		var actions []string
		if dbus.Store(m.Body[:6], &app, &replaces, &icon, &title, &body, &actions) == nil {
			if len(actions) > 0 {
				body += " [" + actions[len(actions)-1] + "]"
			}
			s.said = append(s.said, title+": "+body)
		}
	case "ActionInvoked":
		s.invoked = append(s.invoked, fmt.Sprint(m.Body[1:]...))
	}
}

// Said are the notifications so far: title, text and action.
func (s *NotificationService) Said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.said...)
}

// Invoked are the actions that the service says were taken.
func (s *NotificationService) Invoked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.invoked...)
}

// Shown are the notifications that can be seen on the screen.
func (s *NotificationService) Shown() []Window {
	s.d.t.Helper()
	var shown []Window
	for id := range strings.FieldsSeq(s.d.tool("xdotool", "search", "--onlyvisible", "--class", notifyd)) {
		place := map[string]int{}
		for pair := range strings.Lines(s.d.tool("xdotool", "getwindowgeometry", "--shell", id)) {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			place[name] = number(value)
		}
		if at := image.Rect(place["X"], place["Y"], place["X"]+place["WIDTH"], place["Y"]+place["HEIGHT"]); at.Dx() > 50 && at.Dy() > 20 {
			shown = append(shown, Window{ID: id, At: at})
		}
	}
	return shown
}

// ClickButton waits for the only notification and clicks the button that is its
// lowest part, at the right.
func (s *NotificationService) ClickButton(picture string) {
	s.d.t.Helper()
	var shown, before []Window
	// It has come to rest once it is where it was half a second before.
	for deadline := time.Now().Add(desktopLimit); len(shown) != 1 || !slices.Equal(shown, before); time.Sleep(500 * time.Millisecond) {
		before = shown
		if shown = s.Shown(); len(shown) > 1 || time.Now().After(deadline) {
			s.d.t.Fatalf("%d notifications on the screen; see %s", len(shown), s.d.Look(picture).Path)
		}
	}
	s.d.Look(picture)
	s.d.Click(shown[0].At.Max.Sub(image.Pt(45, 25)), 1)
}

// NeedNotifyd fails the test when the session has no notification service that
// its bus can start.
func NeedNotifyd(t testing.TB) {
	t.Helper()
	found, _ := filepath.Glob("/usr/share/dbus-1/services/*.service")
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "Name="+notificationsName) && strings.Contains(string(text), notifyd) {
			return
		}
	}
	t.Fatalf("parts of the end-to-end tests are missing; install them with `make test`, or:\n  %s", install([]string{notifyd}))
}
