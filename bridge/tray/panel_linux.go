package tray

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"maps"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

const (
	itemInterface = "org.kde.StatusNotifierItem"
	properties    = "org.freedesktop.DBus.Properties"
)

// takeLimit bounds the wait for the library to export its item.
const takeLimit = 10 * time.Second

// panel is what a panel reads of the icon. The library says of its item that it
// is always to be seen, so its properties are answered here, with a Status that
// follows the person's wish: a panel takes a passive item out of sight.
type panel struct {
	mu    sync.Mutex
	props map[string]dbus.Variant // nil until taken
	conn  *dbus.Conn
	want  face
}

// face is what is to be seen.
type face struct {
	icon    []byte
	tooltip string
	hidden  bool
}

type pixmap struct {
	W, H int32
	Data []byte
}

type tooltip struct {
	Name        string
	Icons       []pixmap
	Title, Text string
}

// show sets what a panel reads from now on. It tells the panel only whether the
// item is to be seen: of the rest it is told by who changes the library's icon.
func (p *panel) show(f face) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.want
	p.want = f
	if p.props != nil {
		p.put(was.hidden != f.hidden)
	}
}

// put answers with what is wanted. Call it with mu held.
func (p *panel) put(tell bool) {
	status := "Active"
	if p.want.hidden {
		status = "Passive"
	}
	p.props["IconPixmap"] = dbus.MakeVariant([]pixmap{pixels(p.want.icon)})
	p.props["ToolTip"] = dbus.MakeVariant(tooltip{Icons: []pixmap{}, Title: p.want.tooltip})
	p.props["Status"] = dbus.MakeVariant(status)
	if tell {
		_ = p.conn.Emit(itemPath, itemInterface+".NewStatus", status) // a connection that is closed shows nothing anyway
	}
}

// take answers for the library's item, once that is there.
func (p *panel) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, takeLimit)
	defer cancel()
	conn, err := dbus.SessionBus() // where the library has it
	if err != nil {
		return fmt.Errorf("take the tray item: %w", err)
	}
	var all map[string]dbus.Variant
	for {
		err := conn.Object(conn.Names()[0], itemPath).CallWithContext(ctx, properties+".GetAll", 0, itemInterface).Store(&all)
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("take the tray item: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.props, p.conn = all, conn
	p.put(p.want.hidden) // a panel may have read it before
	return conn.ExportMethodTable(map[string]any{"Get": p.get, "GetAll": p.getAll, "Set": p.set}, itemPath, properties)
}

func (p *panel) get(iface, name string) (dbus.Variant, *dbus.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.props[name]
	if !ok || iface != itemInterface {
		return v, prop.ErrPropNotFound
	}
	return v, nil
}

func (p *panel) getAll(iface string) (map[string]dbus.Variant, *dbus.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if iface != itemInterface {
		return nil, prop.ErrIfaceNotFound
	}
	return maps.Clone(p.props), nil
}

func (*panel) set(string, string, dbus.Variant) *dbus.Error { return prop.ErrReadOnly }

// pixels is an icon as the specification has it: ARGB, the alpha multiplied in.
func pixels(icon []byte) pixmap {
	img, err := png.Decode(bytes.NewReader(icon))
	if err != nil {
		return pixmap{}
	}
	size := img.Bounds().Size()
	data := make([]byte, 0, 4*size.X*size.Y)
	for y := range size.Y {
		for x := range size.X {
			r, g, b, a := img.At(x, y).RGBA()
			data = append(data, byte(a>>8), byte(r>>8), byte(g>>8), byte(b>>8))
		}
	}
	return pixmap{int32(size.X), int32(size.Y), data}
}
