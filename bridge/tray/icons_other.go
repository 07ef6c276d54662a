//go:build !windows && (!darwin || cgo)

package tray

import _ "embed"

//go:embed icons/ok.png
var iconOK []byte

//go:embed icons/busy.png
var iconBusy []byte

//go:embed icons/needed.png
var iconNeeded []byte

//go:embed icons/trouble.png
var iconTrouble []byte

// icons by look.
var icons = [...][]byte{allWell: iconOK, signingIn: iconBusy, signInNeeded: iconNeeded, trouble: iconTrouble}
