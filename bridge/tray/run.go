//go:build !darwin || cgo

package tray

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"fyne.io/systray"

	"drawbridge/bridge/control"
	"drawbridge/bridge/desktop"
)

// itemPath is where the library exports the icon on the session bus. It tells a
// panel of it once, and stops looking for another at the first signal that it
// does not expect on its connection, such as one of the keychain's.
const itemPath = "/StatusNotifierItem"

// run gives the library its thread and draws until ctx ends.
func (t *Tray) run(ctx context.Context, feed *control.Feed, do control.Actions) error {
	if !place(ctx) {
		return ErrNoTray
	}
	if !desktop.ShowsTrayIcons(ctx) {
		t.log.Warn("no panel shows tray icons; Drawbridge's appears when one does")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	drawn := make(chan struct{})
	ready := func() { // may not block: the library answers the panel only after it
		m := newMenu(ctx, do)
		s, changed := feed.Look()
		p := draw(s, time.Now())
		m.show(p)
		t.hidden.Store(p.hidden)
		t.running.Store(true)
		go func() {
			defer close(drawn)
			defer t.running.Store(false)
			var kept sync.WaitGroup
			kept.Go(func() {
				if err := m.panel.take(ctx); err != nil && ctx.Err() == nil {
					t.log.Warn("the icon cannot be hidden", "error", err)
				}
				desktop.KeepTrayItem(ctx, itemPath, t.log)
			})
			t.follow(ctx, feed, m, p, changed)
			m.wait()
			kept.Wait()
		}()
	}
	loop(ctx, t.log, ready)
	cancel()
	select {
	case <-drawn:
	case <-time.After(time.Second): // the library never became ready
	}
	return nil
}

// follow draws each change, and what the passing of time changes.
func (t *Tray) follow(ctx context.Context, feed *control.Feed, m *menu, p picture, changed <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var due <-chan time.Time // none: nothing changes by itself, so nothing wakes us
		if !p.changes.IsZero() {
			timer.Reset(time.Until(p.changes))
			due = timer.C
		}
		select {
		case <-changed:
		case <-due:
		case <-ctx.Done():
			return
		}
		var s control.Snapshot
		s, changed = feed.Look()
		p = draw(s, time.Now())
		m.show(p)
		t.hidden.Store(p.hidden)
	}
}

// slots is how many servers have an entry of their own; the others are under
// "More servers". The library only appends, so the entries are made beforehand
// and hidden. (Removing entries closes a channel that a click may be sending on.)
const slots = 10

// menu is what the library shows now.
type menu struct {
	look     look
	headline *item
	more     *item
	slots    []*slot
	farewell *farewellItem
	atLogin  *item
	panel    panel
	ctx      context.Context // of the goroutines that wait for clicks
	do       control.Actions
	clicks   group
	// checked is what the box of atLogin shows.
	checked atomic.Bool
}

func newMenu(ctx context.Context, do control.Actions) *menu {
	m := &menu{ctx: ctx, do: do, look: -1}
	m.headline = newItem(systray.AddMenuItem("", ""))
	m.headline.enable(false)
	systray.AddSeparator()
	for range slots {
		m.slots = append(m.slots, m.newSlot(systray.AddMenuItem("", "")))
	}
	m.more = newItem(systray.AddMenuItem("More servers", ""))
	m.more.visible(false)
	systray.AddSeparator()
	m.farewell = m.newFarewell()
	m.atLogin = newItem(systray.AddMenuItemCheckbox("Start at login", "", false))
	m.atLogin.visible(false)
	m.onClick(m.atLogin.MenuItem, func() { do.StartAtLogin(!m.checked.Load()) })
	m.onClick(systray.AddMenuItem("Open Drawbridge", ""), do.Open)
	m.onClick(systray.AddMenuItem("Quit", ""), do.Quit)
	return m
}

func (m *menu) onClick(i *systray.MenuItem, f func()) {
	m.clicks.Go(func() {
		for {
			select {
			case <-i.ClickedCh:
				f()
			case <-m.ctx.Done():
				return
			}
		}
	})
}

// wait returns when no click is waited for any more.
func (m *menu) wait() { m.clicks.Wait() }

// show changes what is different from what is shown already: each change makes
// the panel read the menu again.
func (m *menu) show(p picture) {
	hint := shorten("Drawbridge: "+p.headline, 120)
	m.panel.show(face{icons[p.look], hint, p.hidden})
	if m.look != p.look {
		m.look = p.look
		systray.SetIcon(icons[p.look])
	}
	if m.headline.label(shorten(p.headline, 100)) {
		systray.SetTooltip(hint)
	}
	m.atLogin.visible(p.atLogin != nil)
	if p.atLogin != nil && m.checked.Swap(*p.atLogin) != *p.atLogin {
		if *p.atLogin {
			m.atLogin.Check()
		} else {
			m.atLogin.Uncheck()
		}
	}
	for len(m.slots) < len(p.entries) {
		m.slots = append(m.slots, m.newSlot(m.more.AddSubMenuItem("", "")))
	}
	m.more.visible(len(p.entries) > slots)
	m.farewell.show(p.farewell)
	for i, s := range m.slots {
		if i < len(p.entries) {
			s.show(p.entries[i])
		} else {
			s.hide()
		}
	}
}
