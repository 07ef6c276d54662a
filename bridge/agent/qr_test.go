package agent

import (
	"fmt"
	"strings"
	"testing"

	"rsc.io/qr"
)

// TestDrawQR: the path covers the dark modules of the code, each once, and
// nothing else; around them are four light ones.
func TestDrawQR(t *testing.T) {
	const address = "https://auth.example.com/device?user_code=WXYZ-1234"
	want, err := qr.Encode(address, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	got := drawQR(address)
	if got == nil || got.Size != want.Size+8 {
		t.Fatalf("drawn: %+v", got)
	}
	dark := map[[2]int]int{}
	for _, run := range strings.SplitAfter(got.Path, "z") {
		if run == "" {
			continue
		}
		var x, y, wide, back int
		if n, err := fmt.Sscanf(run, "M%d %dh%dv1h-%dz", &x, &y, &wide, &back); n != 4 || err != nil || wide != back {
			t.Fatalf("%q is no run of modules: %v", run, err)
		}
		for i := range wide {
			dark[[2]int{x + i, y}]++
		}
	}
	for y := range got.Size {
		for x := range got.Size {
			n := dark[[2]int{x, y}]
			if is := want.Black(x-4, y-4); is && n != 1 || !is && n != 0 {
				t.Fatalf("module %d, %d: dark %v, drawn %d times", x, y, is, n)
			}
		}
	}
}

func TestDrawQRTooLong(t *testing.T) {
	if got := drawQR("https://a.example/" + strings.Repeat("x", 4000)); got != nil {
		t.Errorf("drawn: %+v", got)
	}
}
