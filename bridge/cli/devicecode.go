package cli

import (
	"fmt"
	"io"
	"strings"

	"rsc.io/qr"

	"drawbridge/bridge/credential"
)

// showCode tells a person how to finish a sign-in with a browser on another
// device: the code, the address, and both as a QR code where a person looks on.
func showCode(out io.Writer, name string, code credential.DeviceCode, picture bool) {
	fmt.Fprintf(out, "Sign in to %s with a browser on any device:\n  open  %s\n  code  %s\n", name, code.URL, code.Code)
	address := code.URL
	if code.Complete != "" {
		address = code.Complete
		fmt.Fprintf(out, "or open this address, which has the code in it:\n  %s\n", code.Complete)
	}
	if picture {
		fmt.Fprint(out, qrText(address))
	}
	fmt.Fprintf(out, "The code ends at %s. Give it to nobody: whoever has it can sign in as you.\n", code.ExpiresAt.Local().Format("15:04"))
}

// qrText draws a QR code with half blocks, light on dark, and the four light
// modules around it that readers want; "" for what is too long.
func qrText(text string) string {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return ""
	}
	const margin = 4
	var b strings.Builder
	for y := -margin; y < code.Size+margin; y += 2 {
		for x := -margin; x < code.Size+margin; x++ {
			upper, lower := !code.Black(x, y), !code.Black(x, y+1) // light modules are drawn
			switch {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
