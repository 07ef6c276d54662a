package harness

import (
	"encoding/binary"
	"image"
	"image/color"
	"os"
	"testing"
)

// envScreen names the file in which Xvfb keeps what is on the screen; see
// sessions/desktop-session.sh.
const envScreen = "DRAWBRIDGE_SESSION_SCREEN_FILE"

// Screen is the screen's own memory: reading it starts no program and asks the
// display nothing, so that a figure of what can be seen when is not one of the
// tools that look.
type Screen struct {
	t      testing.TB
	file   *os.File
	start  int64 // of the first pixel
	line   int   // bytes
	bounds image.Rectangle
	raw    []byte
}

// Screen opens the memory of the session's screen.
func (d *Desktop) Screen() *Screen {
	d.t.Helper()
	file, err := os.Open(os.Getenv(envScreen))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = file.Close() })
	// An XWD file (X11/XWDFile.h): 25 numbers, a name, colours of 12 bytes, pixels.
	var head [25]uint32
	header := make([]byte, 4*len(head))
	if _, err := file.ReadAt(header, 0); err != nil {
		d.t.Fatal(err)
	}
	for i := range head {
		head[i] = binary.BigEndian.Uint32(header[4*i:])
	}
	size, width, height, byteOrder, bits, line, colours := head[0], head[4], head[5], head[7], head[11], head[12], head[19]
	if bits != 32 || byteOrder != 0 {
		d.t.Fatalf("the screen has %d bits for a pixel, in order %d; want 32, in order 0", bits, byteOrder)
	}
	return &Screen{
		t: d.t, file: file, start: int64(size + 12*colours), line: int(line),
		bounds: image.Rect(0, 0, int(width), int(height)), raw: make([]byte, line*height),
	}
}

// Bounds is the whole of it.
func (s *Screen) Bounds() image.Rectangle { return s.bounds }

// Look reads what is on the screen now.
func (s *Screen) Look() Shot {
	s.t.Helper()
	if _, err := s.file.ReadAt(s.raw, s.start); err != nil {
		s.t.Fatal(err)
	}
	return Shot{s}
}

// Shot is what a screen showed at one moment, until the next.
type Shot struct{ s *Screen }

// At is the colour of a pixel.
func (p Shot) At(x, y int) color.RGBA {
	at := p.s.raw[y*p.s.line+4*x:]
	return color.RGBA{at[2], at[1], at[0], 0xff}
}

// Middle is the colour of the pixel in the middle of the screen.
func (p Shot) Middle() color.RGBA {
	return p.At(p.s.bounds.Dx()/2, p.s.bounds.Dy()/2)
}

// HasBox tells whether least rows on end have a run of width pixels of one
// colour, as the upper edge of a button has.
func (p Shot) HasBox(want color.RGBA, width, least int) bool {
	rows := 0
	for y := range p.s.bounds.Max.Y {
		run, found := 0, false
		for x := range p.s.bounds.Max.X {
			if p.At(x, y) != want {
				run = 0
			} else if run++; run == width {
				found = true
				break
			}
		}
		if rows++; !found {
			rows = 0
		}
		if rows == least {
			return true
		}
	}
	return false
}
