package vault

import "os"

func openTerminal() (in, out *os.File, err error) { return openEnds("CONIN$", "CONOUT$") }
