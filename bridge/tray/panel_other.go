//go:build windows || (darwin && cgo)

package tray

import "context"

// panel is what a panel reads of the icon; here the library sees to that, and an
// icon that is there stays until the agent ends.
type panel struct{}

// face is what is to be seen.
type face struct {
	icon    []byte
	tooltip string
	hidden  bool
}

func (*panel) show(face) {}

func (*panel) take(context.Context) error { return nil }
