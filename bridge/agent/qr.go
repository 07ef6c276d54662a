package agent

import (
	"fmt"
	"strings"

	"rsc.io/qr"

	"drawbridge/bridge/control"
)

// quietZone is how many light modules readers want around a QR code (ISO/IEC
// 18004 §6.3.8).
const quietZone = 4

// drawQR draws an address as a QR code; nil for one that is too long. The window
// shows it without a library of its own.
func drawQR(address string) *control.QR {
	code, err := qr.Encode(address, qr.L)
	if err != nil {
		return nil
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if !code.Black(x, y) {
				continue
			}
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quietZone, y+quietZone, x-from, x-from)
		}
	}
	return &control.QR{Size: code.Size + 2*quietZone, Path: path.String()}
}
