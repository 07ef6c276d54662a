package vault

import (
	"errors"
	"fmt"

	"drawbridge/bridge/fault"
)

// ErrDamaged means that there is an entry under the name which is no value of
// ours; errors.As with *DamagedError says which and how.
var ErrDamaged = errors.New("damaged entry")

// Damage is how an entry is damaged.
type Damage string

// The kinds of damage.
const (
	// Torn: a writer died in the middle, or parts were deleted.
	Torn Damage = "torn"
	// Foreign: something else stands under our name.
	Foreign Damage = "foreign"
	// Corrupt: it was ours and has been changed.
	Corrupt Damage = "corrupt"
)

// DamagedError is an entry that is no value. It is ErrDamaged.
type DamagedError struct {
	Name string
	How  Damage
}

// Error names the entry and never quotes it.
func (e *DamagedError) Error() string { return fmt.Sprintf("entry %s is %s", e.Name, e.How) }

// Is makes every DamagedError ErrDamaged.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

var damageWords = map[Damage]string{
	Torn:    "parts of it are missing",
	Foreign: "Drawbridge did not write it",
	Corrupt: "it was changed by something else",
}

func damaged(name, place string, how Damage) error {
	return fault.Wrap(&DamagedError{Name: name, How: how}, fault.Storage,
		fmt.Sprintf("The entry %q in %s is damaged: %s.", name, place, damageWords[how]),
		"Sign in to that server again, with its client secret if it has one: this writes it anew. All such entries: drawbridge vault status")
}

// howDamaged is "" for an error that says nothing about the entry.
func howDamaged(err error) Damage {
	switch {
	case errors.Is(err, errForeign):
		return Foreign
	case errors.Is(err, errCorrupt):
		return Corrupt
	case errors.Is(err, errTorn):
		return Torn
	}
	return ""
}

// ErrNotKept means that the store said yes to a write and shows something else.
var ErrNotKept = errors.New("not kept")

func notKept(name, place string) error {
	return fault.Wrap(fmt.Errorf("entry %s: %w", name, ErrNotKept), fault.NoKeychain,
		fmt.Sprintf("What was written into %s is not what it gives back.", place),
		"Check that no other program changes Drawbridge's entries and that there is room, then try again: drawbridge vault status")
}
