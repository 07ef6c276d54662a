package tray

import _ "embed"

//go:embed icons/ok.ico
var iconOK []byte

//go:embed icons/busy.ico
var iconBusy []byte

//go:embed icons/needed.ico
var iconNeeded []byte

//go:embed icons/trouble.ico
var iconTrouble []byte

// icons by look.
var icons = [...][]byte{allWell: iconOK, signingIn: iconBusy, signInNeeded: iconNeeded, trouble: iconTrouble}
