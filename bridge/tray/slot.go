//go:build !darwin || cgo

package tray

import (
	"sync"

	"fyne.io/systray"
)

// group waits for goroutines.
type group = sync.WaitGroup

// item is a menu entry that remembers what it shows. Its methods report
// whether they changed anything.
type item struct {
	*systray.MenuItem
	text             string
	hidden, disabled bool
}

func newItem(i *systray.MenuItem) *item { return &item{MenuItem: i} }

func (i *item) label(text string) bool {
	if i.text == text {
		return false
	}
	i.text = text
	i.SetTitle(escape(text))
	return true
}

func (i *item) visible(yes bool) {
	switch {
	case yes && i.hidden:
		i.Show()
	case !yes && !i.hidden:
		i.Hide()
	}
	i.hidden = !yes
}

func (i *item) enable(yes bool) {
	switch {
	case yes && i.disabled:
		i.Enable()
	case !yes && !i.disabled:
		i.Disable()
	}
	i.disabled = !yes
}

// slot is a place for one server's entry.
type slot struct {
	top, reason, signIn, cancel, signOut, copyEntry *item

	mu  sync.Mutex // clicks come on other goroutines
	key string
}

func (m *menu) newSlot(top *systray.MenuItem) *slot {
	s := &slot{
		top:       newItem(top),
		reason:    newItem(top.AddSubMenuItem("", "")),
		signIn:    newItem(top.AddSubMenuItem("", "")),
		cancel:    newItem(top.AddSubMenuItem("", "")),
		signOut:   newItem(top.AddSubMenuItem("Sign out", "")),
		copyEntry: newItem(top.AddSubMenuItem("Copy client entry", "")),
	}
	s.cancel.visible(false)
	s.reason.enable(false)
	s.reason.visible(false)
	s.top.visible(false)
	m.onClick(s.signIn.MenuItem, func() { s.with(m.do.SignIn) })
	m.onClick(s.cancel.MenuItem, func() { s.with(m.do.CancelSignIn) })
	m.onClick(s.signOut.MenuItem, func() { s.with(m.do.SignOut) })
	m.onClick(s.copyEntry.MenuItem, func() { s.with(m.do.CopyEntry) })
	return s
}

// with runs f on the credential that the slot shows.
func (s *slot) with(f func(key string)) {
	s.mu.Lock()
	key := s.key
	s.mu.Unlock()
	if key != "" {
		f(key)
	}
}

func (s *slot) show(e entry) {
	s.mu.Lock()
	s.key = e.key
	s.mu.Unlock()
	s.top.label(e.text)
	s.reason.label(shorten(e.reason, 80))
	s.reason.visible(e.reason != "")
	s.signIn.label(e.signInText)
	s.cancel.label(e.cancelText)
	s.cancel.visible(e.cancelText != "")
	s.signOut.enable(e.canSignOut)
	s.copyEntry.visible(e.canCopy)
	s.top.visible(true)
}

func (s *slot) hide() {
	s.mu.Lock()
	s.key = ""
	s.mu.Unlock()
	s.top.visible(false)
}

// farewellItem is the entry that signs out everywhere, with its lines.
type farewellItem struct {
	top   *item
	lost  []*item
	more  *item
	click *item
}

func (m *menu) newFarewell() *farewellItem {
	top := systray.AddMenuItem("Sign out everywhere", "")
	f := &farewellItem{top: newItem(top)}
	for range mostLost {
		f.lost = append(f.lost, newItem(top.AddSubMenuItem("", "")))
	}
	f.more = newItem(top.AddSubMenuItem("", ""))
	for _, line := range append(f.lost[:mostLost:mostLost], f.more) {
		line.enable(false)
		line.visible(false)
	}
	f.click = newItem(top.AddSubMenuItem("", ""))
	f.top.visible(false)
	m.onClick(f.click.MenuItem, m.do.SignOutEverywhere)
	return f
}

func (f *farewellItem) show(p farewell) {
	for i, line := range f.lost {
		if i < len(p.lost) {
			line.label(p.lost[i])
		}
		line.visible(i < len(p.lost))
	}
	f.more.label(p.more)
	f.more.visible(p.more != "")
	f.click.label(p.do)
	f.top.visible(p.do != "")
}
