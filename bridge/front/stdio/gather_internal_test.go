package stdio

import (
	"slices"
	"testing"
)

// pieces are the writes to an output.
type pieces []string

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, string(b))
	return len(b), nil
}

// Those that have a message ready while one is about to write leave together: each
// write is a system call here and wakes the client there.
func TestMessagesThatAreReadyLeaveTogether(t *testing.T) {
	var out pieces
	w := &Writer{out: &out, gathering: true}
	for _, message := range []string{"1", "2", "3"} {
		if err := w.Send([]byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	if len(out) != 0 {
		t.Errorf("written at once: %q", out)
	}
	if err := w.write(); err != nil { // by the one that gathers
		t.Fatal(err)
	}
	if want := (pieces{"1\n2\n3\n"}); !slices.Equal(out, want) {
		t.Errorf("written %q, want %q", out, want)
	}
}
