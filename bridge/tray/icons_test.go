//go:build !windows

package tray

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"
)

var lookNames = map[look]string{allWell: "all well", signingIn: "signing in", signInNeeded: "sign-in needed", trouble: "trouble"}

// panels are the colours of panels of GNOME, KDE, Xfce, Windows and macOS.
var panels = map[string]color.NRGBA{
	"white": {0xff, 0xff, 0xff, 0xff}, "Adwaita": {0xf6, 0xf5, 0xf4, 0xff}, "Breeze": {0xef, 0xf0, 0xf1, 0xff}, "Windows, light": {0xee, 0xee, 0xee, 0xff},
	"black": {0x00, 0x00, 0x00, 0xff}, "Adwaita, dark": {0x30, 0x30, 0x30, 0xff}, "Breeze, dark": {0x31, 0x36, 0x3b, 0xff}, "Windows, dark": {0x1c, 0x1c, 0x1c, 0xff},
}

func iconOf(t *testing.T, l look) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(icons[l]))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// over is a pixel of an icon on a panel.
func over(img image.Image, x, y int, panel color.NRGBA) color.NRGBA {
	c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
	mix := func(a, b uint8) uint8 { return uint8((int(a)*int(c.A) + int(b)*(255-int(c.A))) / 255) }
	return color.NRGBA{mix(c.R, panel.R), mix(c.G, panel.G), mix(c.B, panel.B), 0xff}
}

func opaque(img image.Image, x, y int) bool {
	_, _, _, a := img.At(x, y).RGBA()
	return a >= 0x8000
}

// contrast is WCAG 2.2's, between 1 and 21.
func contrast(a, b color.NRGBA) float64 {
	luminance := func(c color.NRGBA) float64 {
		part := func(v uint8) float64 {
			s := float64(v) / 255
			if s <= 0.04045 {
				return s / 12.92
			}
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
	}
	l, m := luminance(a), luminance(b)
	return (max(l, m) + 0.05) / (min(l, m) + 0.05)
}

// Each icon's outline stands out from a light and a dark panel by 3 to 1 (WCAG
// 2.2, 1.4.11): beside every pixel of it there is one of the icon that does.
func TestTheIconsStandOutFromThePanel(t *testing.T) {
	const beside = 4 // of the 44 pixels that an icon measures
	for l, name := range lookNames {
		img := iconOf(t, l)
		edge := outline(img)
		if len(edge) < 100 {
			t.Fatalf("%s: an outline of %d pixels", name, len(edge))
		}
		for panel, ground := range panels {
			weak := 0
			for _, at := range edge {
				best := 0.0
				for y := at.Y - beside; y <= at.Y+beside; y++ {
					for x := at.X - beside; x <= at.X+beside; x++ {
						if dx, dy := x-at.X, y-at.Y; dx*dx+dy*dy <= beside*beside && opaque(img, x, y) {
							best = max(best, contrast(over(img, x, y, ground), ground))
						}
					}
				}
				if best < 3 {
					weak++
				}
			}
			if weak > 0 {
				t.Errorf("%s on %s: %d of %d pixels of the outline stand out by less than 3 to 1", name, panel, weak, len(edge))
			}
		}
	}
}

// outline are the icon's pixels that have one of the panel's beside them.
func outline(img image.Image) (edge []image.Point) {
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			inside := opaque(img, x-1, y) && opaque(img, x+1, y) && opaque(img, x, y-1) && opaque(img, x, y+1)
			if opaque(img, x, y) && !inside {
				edge = append(edge, image.Pt(x, y))
			}
		}
	}
	return edge
}

// Without any colour the icons still differ: in their outline, or in the mark on
// them, by a tenth of what is drawn or more.
func TestTheIconsDifferInShape(t *testing.T) {
	const outside, body, mark = 0, 1, 2
	form := func(l look) []int {
		img := iconOf(t, l)
		size := img.Bounds().Dx()
		count, ground := map[color.NRGBA]int{}, color.NRGBA{}
		for y := range size {
			for x := range size {
				if c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA); c.A == 0xff {
					if count[c]++; count[c] > count[ground] {
						ground = c
					}
				}
			}
		}
		var all []int
		for y := range size {
			for x := range size {
				switch {
				case !opaque(img, x, y):
					all = append(all, outside)
				case contrast(over(img, x, y, ground), ground) >= 3:
					all = append(all, mark)
				default:
					all = append(all, body)
				}
			}
		}
		return all
	}
	for a, name := range lookNames {
		for b, other := range lookNames {
			if a >= b {
				continue
			}
			one, two := form(a), form(b)
			drawn, differ := 0, 0
			for i := range one {
				if one[i] != outside || two[i] != outside {
					drawn++
					if one[i] != two[i] {
						differ++
					}
				}
			}
			if share := float64(differ) / float64(drawn); share < 0.1 {
				t.Errorf("%s and %s differ in %.0f %% of what is drawn", name, other, 100*share)
			} else {
				t.Logf("%s and %s differ in %.0f %% of what is drawn", name, other, 100*share)
			}
		}
	}
}
