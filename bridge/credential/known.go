package credential

import (
	"context"
	"os"
	"time"

	"drawbridge/bridge/fault"
)

// lookAgain is how often a call looks whether another process changed the
// credential (one stat of the facts file).
const lookAgain = time.Second

// current returns the record as this process knows it, reading the vault when
// another process has changed the credential since.
func (a *Account) current(ctx context.Context) (cur *record, needed, err error) {
	now := a.m.now()
	a.mu.Lock()
	cur, needed = a.cur, a.needed
	loaded, stamp := a.loaded, a.stamp
	// Without a token every call looks: the person may just have signed in.
	look := cur == nil || now.Sub(a.looked) >= lookAgain || now.Before(a.looked)
	if look {
		a.looked = now
	}
	a.mu.Unlock()
	if loaded && (!look || sameFile(a.factsStamp(), stamp)) {
		return cur, needed, nil
	}
	cur, err = a.load(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	return cur, a.needed, err
}

// known is the record as this process knows it; false: another process has changed
// the credential since, or nothing is known yet.
func (a *Account) known() (cur *record, still bool) {
	stamp := a.factsStamp()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cur, a.loaded && sameFile(stamp, a.stamp)
}

// reading is what load has read, and what was known when it began.
type reading struct {
	record  *record
	needed  error
	stamp   os.FileInfo
	changes int
}

// load reads the record from the vault.
func (a *Account) load(ctx context.Context) (*record, error) {
	for {
		got, err := a.look(ctx)
		if err != nil {
			return nil, err
		}
		if a.learn(got) {
			return got.record, nil
		}
	}
}

// look reads the record; see learn.
func (a *Account) look(ctx context.Context) (got reading, err error) {
	a.mu.Lock()
	got.changes = a.changes
	a.mu.Unlock()
	got.stamp = a.factsStamp() // before reading: a change after it is seen next time
	if got.record, err = a.read(ctx); err != nil {
		return got, err
	}
	if got.record == nil {
		if f, err := a.Facts(); err == nil && f.State == SignInNeeded && f.Problem != nil {
			got.needed = fault.New(f.Problem.Code, f.Problem.What, f.Problem.Next)
		}
	}
	return got, nil
}

// learn makes what was read the record of this process, unless that has become
// another since the reading began, by a renewal or a sign-out: it may be older
// than that. It then reports false.
func (a *Account) learn(got reading) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !got.record.same(a.cur) {
		if a.changes != got.changes {
			return false
		}
		a.changes++
	}
	a.cur, a.needed, a.loaded, a.stamp = got.record, got.needed, true, got.stamp
	a.settle()
	return true
}

// replace makes a record that was just stored the one of this process. Call it
// with the credential's lock held: nobody else has written since.
func (a *Account) replace(r *record) {
	stamp := a.factsStamp()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cur, a.loaded, a.stamp = r, true, stamp
	a.changes++
	a.settle()
}

// drop has this process know nothing; see replace.
func (a *Account) drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cur, a.loaded = nil, false
	a.changes++
	a.settle()
}

// factsStamp is the facts file as it is; nil when it is not there.
func (a *Account) factsStamp() os.FileInfo {
	info, err := os.Stat(a.factsFile())
	if err != nil {
		return nil
	}
	return info
}

// sameFile reports whether nobody has written between two looks. Each write makes
// another file: the time alone may be the same where the clock of the file system
// is coarse.
func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
