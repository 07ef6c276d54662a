package harness

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"
)

// Accent is the colour of the window's most important buttons, in light.
var Accent = color.RGBA{0x24, 0x57, 0xc5, 0xff}

// AccentDark is the same in dark.
var AccentDark = color.RGBA{0x3f, 0x6f, 0xdc, 0xff}

// Picture is what was to be seen at one moment.
type Picture struct {
	image.Image
	// Path is where it is kept.
	Path string
}

func readPicture(t testing.TB, path string) Picture {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return Picture{img, path}
}

// Boxes are the areas of one colour within a part of the picture that are at
// least as wide and as high as least, from top to bottom: a button is one.
func (p Picture) Boxes(within image.Rectangle, want color.RGBA, least image.Point) []image.Rectangle {
	within = within.Intersect(p.Bounds())
	seen := map[image.Point]bool{}
	var boxes []image.Rectangle
	for y := within.Min.Y; y < within.Max.Y; y++ {
		for x := within.Min.X; x < within.Max.X; x++ {
			if at := image.Pt(x, y); !seen[at] && p.is(at, want) {
				if box := p.area(at, within, want, seen); box.Dx() >= least.X && box.Dy() >= least.Y {
					boxes = append(boxes, box)
				}
			}
		}
	}
	return boxes
}

// area is the extent of the pixels of one colour that hang together with one.
func (p Picture) area(from image.Point, within image.Rectangle, want color.RGBA, seen map[image.Point]bool) image.Rectangle {
	var box image.Rectangle
	for todo := []image.Point{from}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[at] || !at.In(within) || !p.is(at, want) {
			continue
		}
		seen[at] = true
		box = box.Union(image.Rectangle{at, at.Add(image.Pt(1, 1))})
		todo = append(todo, at.Add(image.Pt(1, 0)), at.Add(image.Pt(-1, 0)), at.Add(image.Pt(0, 1)), at.Add(image.Pt(0, -1)))
	}
	return box
}

// Count is how many pixels within a part of the picture have the colour.
func (p Picture) Count(within image.Rectangle, want color.RGBA) int {
	n := 0
	for y := within.Min.Y; y < within.Max.Y; y++ {
		for x := within.Min.X; x < within.Max.X; x++ {
			if p.is(image.Pt(x, y), want) {
				n++
			}
		}
	}
	return n
}

// is allows for the rounding of a renderer.
func (p Picture) is(at image.Point, want color.RGBA) bool {
	r, g, b, _ := p.At(at.X, at.Y).RGBA()
	near := func(x uint32, y uint8) bool { d := int(x>>8) - int(y); return -3 <= d && d <= 3 }
	return near(r, want.R) && near(g, want.G) && near(b, want.B)
}
