// Package desktop asks the person's desktop session for what only it can do:
// its environment, a browser, a notification. It goes over the session bus,
// on private connections, and never starts a bus of its own. It must not know
// what it is asked for.
package desktop

import "errors"

// ErrNoSession means that there is no desktop session within reach: no session
// bus, or a system that has none.
var ErrNoSession = errors.New("no desktop session within reach")

// Notification is a message outside any window.
type Notification struct {
	// Title is one line; Body a sentence or two, plain text.
	Title, Body string
	// Action labels what the person can do about it, there and then; "" is nothing.
	Action string
}
