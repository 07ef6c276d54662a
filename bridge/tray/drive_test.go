//go:build linux

package tray

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// driver reads and clicks the menu of a tray icon as a panel does:
// StatusNotifierItem and com.canonical.dbusmenu over the session bus.
type driver struct {
	t    *testing.T
	conn *dbus.Conn
	item dbus.BusObject
	menu dbus.BusObject
}

// row is one visible entry of the menu, its label without the marks of keys.
type row struct {
	ID      int32
	Label   string
	Enabled bool
	Rows    []row
}

type layout struct {
	ID    int32
	Props map[string]dbus.Variant
	Kids  []dbus.Variant
}

// drive waits for the icon of the process with the id on the session bus.
func drive(t *testing.T, pid int) *driver {
	t.Helper()
	conn, err := dbus.SessionBusPrivateNoAutoStartup()
	if err == nil {
		if err = conn.Auth(nil); err == nil {
			err = conn.Hello()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	d := &driver{t: t, conn: conn}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		for _, name := range d.items() {
			dest, path, _ := strings.Cut(name, "/")
			var owner uint32
			if err := conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, dest).Store(&owner); err != nil || int(owner) != pid {
				continue
			}
			d.item = conn.Object(dest, dbus.ObjectPath("/"+path))
			menu, err := d.item.GetProperty("org.kde.StatusNotifierItem.Menu")
			if err != nil {
				t.Fatal(err)
			}
			d.menu = conn.Object(dest, menu.Value().(dbus.ObjectPath))
			return d
		}
		if time.Now().After(deadline) {
			t.Fatalf("no icon of process %d", pid)
		}
	}
}

func (d *driver) items() []string {
	v, err := d.conn.Object("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher").
		GetProperty("org.kde.StatusNotifierWatcher.RegisteredStatusNotifierItems")
	if err != nil {
		return nil
	}
	names, _ := v.Value().([]string)
	return names
}

// rows reads the menu. The library's first answer leaves submenus out, so that
// panels build them in the right order: it is asked twice.
func (d *driver) rows() []row {
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

func (d *driver) visible(l layout) []row {
	d.t.Helper()
	var out []row
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
		out = append(out, row{ID: k.ID, Label: unmark(label), Enabled: enabled, Rows: d.visible(k)})
	}
	return out
}

// unmark reads a label as a panel does: _ marks the key after it, __ is one _.
func unmark(label string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(label, "__", "\x00"), "_", ""), "\x00", "_")
}

// text is the menu as indented lines; a line that cannot be clicked is in parentheses.
func (d *driver) text() string {
	d.t.Helper()
	var b bytes.Buffer
	var write func(rows []row, indent string)
	write = func(rows []row, indent string) {
		for _, r := range rows {
			label := r.Label
			if !r.Enabled {
				label = "(" + label + ")"
			}
			fmt.Fprintln(&b, indent+label)
			write(r.Rows, indent+"  ")
		}
	}
	write(d.rows(), "")
	return b.String()
}

// click clicks the entry that is reached by these labels; the first may be the
// beginning of one.
func (d *driver) click(labels ...string) {
	d.t.Helper()
	rows, id := d.rows(), int32(-1)
	for _, label := range labels {
		found := false
		for _, r := range rows {
			if strings.HasPrefix(r.Label, label) {
				rows, id, found = r.Rows, r.ID, true
				break
			}
		}
		if !found {
			d.t.Fatalf("no entry %q in\n%s", labels, d.text())
		}
	}
	if err := d.menu.Call("com.canonical.dbusmenu.Event", 0, id, "clicked", dbus.MakeVariant(""), uint32(0)).Err; err != nil {
		d.t.Fatal(err)
	}
}

// icon is the digest of the picture that the panel gets.
func (d *driver) icon() [32]byte {
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

// until waits for the menu to have want in it.
func (d *driver) until(want string) {
	d.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		text := d.text()
		if strings.Contains(text, want) {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("the menu has no %q:\n%s", want, text)
		}
	}
}
