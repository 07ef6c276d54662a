package harness

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// trayDeadline bounds the wait for the panel, and for what the menu is to say.
const trayDeadline = time.Minute

// TrayIcon reads and clicks the menu of a tray icon as a panel does:
// StatusNotifierItem and com.canonical.dbusmenu over the session bus.
type TrayIcon struct {
	t    testing.TB
	conn *dbus.Conn
	item dbus.BusObject
	menu dbus.BusObject
}

// TrayRow is one visible entry of the menu, its label without the marks of keys.
type TrayRow struct {
	ID      int32
	Label   string
	Enabled bool
	// Box is "" for a line without a box to tick, else "[ ]" or "[x]".
	Box  string
	Rows []TrayRow
}

type layout struct {
	ID    int32
	Props map[string]dbus.Variant
	Kids  []dbus.Variant
}

// FindTrayIcon waits until the panel has the icon of the process with the id.
func FindTrayIcon(t testing.TB, pid int) *TrayIcon {
	t.Helper()
	d := &TrayIcon{t: t, conn: sessionBus(t)}
	for deadline := time.Now().Add(trayDeadline); ; time.Sleep(20 * time.Millisecond) {
		for _, name := range d.items() {
			dest, path, _ := strings.Cut(name, "/")
			var owner uint32
			if err := d.conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, dest).Store(&owner); err != nil || int(owner) != pid {
				continue
			}
			d.item = d.conn.Object(dest, dbus.ObjectPath("/"+path))
			menu, err := d.item.GetProperty("org.kde.StatusNotifierItem.Menu")
			if err != nil {
				continue
			}
			d.menu = d.conn.Object(dest, menu.Value().(dbus.ObjectPath))
			return d
		}
		if time.Now().After(deadline) {
			t.Fatalf("no icon of process %d", pid)
		}
	}
}

func (d *TrayIcon) items() []string {
	v, err := d.conn.Object("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher").
		GetProperty("org.kde.StatusNotifierWatcher.RegisteredStatusNotifierItems")
	if err != nil {
		return nil
	}
	names, _ := v.Value().([]string)
	return names
}

// Rows reads the menu. The library's first answer leaves submenus out, so that
// panels build them in the right order: it is asked twice.
func (d *TrayIcon) Rows() []TrayRow {
	d.t.Helper()
	var root layout
	for range 2 {
		var revision uint32
		root = layout{}
		if err := d.menu.Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root); err != nil {
			d.t.Fatal(err)
		}
	}
	return d.visible(root)
}

func (d *TrayIcon) visible(l layout) []TrayRow {
	d.t.Helper()
	var out []TrayRow
	for _, kid := range l.Kids {
		var k layout
		if err := dbus.Store([]any{kid.Value()}, &k); err != nil {
			d.t.Fatal(err)
		}
		if shown, ok := k.Props["visible"].Value().(bool); ok && !shown {
			continue
		}
		if kind, _ := k.Props["type"].Value().(string); kind == "separator" {
			continue
		}
		label, _ := k.Props["label"].Value().(string)
		enabled, _ := k.Props["enabled"].Value().(bool)
		box := ""
		if kind, _ := k.Props["toggle-type"].Value().(string); kind == "checkmark" {
			box = "[ ]"
			if state, _ := k.Props["toggle-state"].Value().(int32); state == 1 {
				box = "[x]"
			}
		}
		out = append(out, TrayRow{ID: k.ID, Label: unmark(label), Enabled: enabled, Box: box, Rows: d.visible(k)})
	}
	return out
}

// unmark reads a label as a panel does: _ marks the key after it, __ is one _.
func unmark(label string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(label, "__", "\x00"), "_", ""), "\x00", "_")
}

// Text is the menu as indented lines; a line that cannot be clicked is in parentheses.
func (d *TrayIcon) Text() string {
	d.t.Helper()
	var b bytes.Buffer
	var write func(rows []TrayRow, indent string)
	write = func(rows []TrayRow, indent string) {
		for _, r := range rows {
			label := r.Label
			if !r.Enabled {
				label = "(" + label + ")"
			}
			if r.Box != "" {
				label = r.Box + " " + label
			}
			fmt.Fprintln(&b, indent+label)
			write(r.Rows, indent+"  ")
		}
	}
	write(d.Rows(), "")
	return b.String()
}

// Click clicks the entry that is reached by these labels, each the beginning of
// one, once it is there: a menu is drawn entry by entry.
func (d *TrayIcon) Click(labels ...string) {
	d.t.Helper()
	id, found := int32(0), false
	for deadline := time.Now().Add(trayDeadline); !found; time.Sleep(20 * time.Millisecond) {
		if id, found = find(d.Rows(), labels); !found && time.Now().After(deadline) {
			d.t.Fatalf("no entry %q in\n%s", labels, d.Text())
		}
	}
	err := d.menu.Call("com.canonical.dbusmenu.Event", 0, id, "clicked", dbus.MakeVariant(""), uint32(0)).Err
	var said dbus.Error
	if errors.As(err, &said) && said.Name == "org.freedesktop.DBus.Error.NoReply" {
		return // it did what it was told and ended, as Quit wants, before it could say so
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// find returns the id of the entry that is reached by labels.
func find(rows []TrayRow, labels []string) (id int32, found bool) {
	for _, label := range labels {
		found = false
		for _, r := range rows {
			if r.Enabled && strings.HasPrefix(r.Label, label) {
				rows, id, found = r.Rows, r.ID, true
				break
			}
		}
		if !found {
			return 0, false
		}
	}
	return id, found
}

// StatusIs waits for the item to be "Active", or "Passive": out of sight.
func (d *TrayIcon) StatusIs(want string) {
	d.t.Helper()
	for deadline := time.Now().Add(trayDeadline); ; time.Sleep(20 * time.Millisecond) {
		v, err := d.item.GetProperty("org.kde.StatusNotifierItem.Status")
		if err == nil && v.Value() == want {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("the icon's status is %v, %v; want %s", v, err, want)
		}
	}
}

// Icon is the digest of the picture that the panel gets.
func (d *TrayIcon) Icon() [32]byte {
	d.t.Helper()
	v, err := d.item.GetProperty("org.kde.StatusNotifierItem.IconPixmap")
	if err != nil {
		d.t.Fatal(err)
	}
	var pictures []struct {
		W, H int32
		Data []byte
	}
	if err := dbus.Store([]any{v.Value()}, &pictures); err != nil || len(pictures) == 0 || len(pictures[0].Data) == 0 {
		d.t.Fatalf("no picture: %v", err)
	}
	return sha256.Sum256(pictures[0].Data)
}

// Until waits for the menu to have want in it.
func (d *TrayIcon) Until(want string) {
	d.t.Helper()
	d.UntilIt(fmt.Sprintf("has %q", want), func(text string) bool { return strings.Contains(text, want) })
}

// UntilWithout waits for the menu to have unwanted in it no more.
func (d *TrayIcon) UntilWithout(unwanted string) {
	d.t.Helper()
	d.UntilIt(fmt.Sprintf("has no %q", unwanted), func(text string) bool { return !strings.Contains(text, unwanted) })
}

// UntilIt waits for the text of the menu to be as is asked for.
func (d *TrayIcon) UntilIt(does string, ok func(text string) bool) {
	d.t.Helper()
	for deadline := time.Now().Add(trayDeadline); ; time.Sleep(20 * time.Millisecond) {
		text := d.Text()
		if ok(text) {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("waited in vain until the menu %s:\n%s", does, text)
		}
	}
}
