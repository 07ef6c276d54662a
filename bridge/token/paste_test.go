package token

import (
	"errors"
	"strings"
	"testing"
)

func TestFromText(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
		err              error
	}{
		{"alone", "abc.def.ghi", "abc.def.ghi", nil},
		{"with blanks around it", " \n abc\t\r\n", "abc", nil},
		{"with the scheme", "bearer abc", "abc", nil},
		{"with the header", "authorization:  Bearer abc\n", "abc", nil},
		{"nothing", " \n", "", ErrNoText},
		{"the header alone", "Authorization:", "", ErrNoText},
		{"two words", "abc def", "", ErrNotOne},
		{"two lines", "abc\ndef", "", ErrNotOne},
		{"no ASCII", "abc\u00e9", "", ErrNotOne},
		{"a control character", "abc\x00", "", ErrNotOne},
		{"too much", strings.Repeat("a", MaxText+1), "", ErrNotOne},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := FromText(test.text)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if got.Reveal() != test.want {
				t.Errorf("another text than %q was found", test.want)
			}
		})
	}
}
