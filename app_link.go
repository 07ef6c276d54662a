package main

// followLink keeps a link that the person followed until the page takes it, and
// tells the page. A later one takes the place of one that is still there.
func (a *App) followLink(raw string) {
	link := readLink(raw)
	a.mu.Lock()
	a.link = &link
	a.mu.Unlock()
	a.config.Emit(EventLink, nil)
}

// TakeLink returns the link that the person followed, once, or nil. It only
// says what was asked for: the page shows it and does nothing before the person
// agrees.
func (a *App) TakeLink() *Link {
	a.mu.Lock()
	defer a.mu.Unlock()
	link := a.link
	a.link = nil
	return link
}
