package clients

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"

	"drawbridge/bridge/fault"
)

// Change is an edit of a client's file that has been worked out and not yet
// been made.
type Change struct {
	client Client
	path   string
	name   string
	before snapshot
	after  []byte
	gone   bool   // the file goes: it came into being for our entry alone
	backup string // when after is the text of this backup
}

// snapshot is a file at one moment.
type snapshot struct {
	exists bool
	mode   fs.FileMode
	text   []byte
}

// Plan works out how to write entry. It changes nothing. An entry of the name
// that does not start Drawbridge is refused unless entry.Replace. One that does
// gets the new command, arguments and variables; what else the person wrote
// into it stays.
func (c Client) Plan(entry Entry) (Change, error) {
	before, err := c.read()
	if err != nil {
		return Change{}, err
	}
	after, err := c.write(before.text, entry)
	if err != nil {
		return Change{}, err
	}
	return Change{client: c, path: c.path, name: entry.Name, before: before, after: after}, nil
}

// PlanRemoval works out how to take our entry back. When nothing but the entry
// has changed since Plan's Change was applied, the file becomes what it was
// before, byte for byte; otherwise just the entry goes. An entry that does not
// start Drawbridge is refused.
func (c Client) PlanRemoval(name string) (Change, error) {
	before, err := c.read()
	if err != nil {
		return Change{}, err
	}
	d, err := c.parse(before.text)
	if err != nil {
		return Change{}, err
	}
	entry, found, err := c.entry(d, name)
	if err != nil {
		return Change{}, err
	}
	if !found {
		return Change{}, fault.New(fault.Usage, fmt.Sprintf("%s has no entry named %q.", c.title, name), "Its file is "+c.path+".")
	}
	if !entry.ours() {
		return Change{}, fault.New(fault.ForeignEntry, fmt.Sprintf("The entry %q of %s is not Drawbridge's.", name, c.title), "Edit "+c.path+" yourself.")
	}
	change := Change{client: c, path: c.path, name: name, before: before}
	if backup, text, ok := c.original(before.text, entry); ok {
		change.backup, change.after = backup, text
		return change, nil
	}
	if fresh, err := c.write(nil, entry); err == nil && bytes.Equal(fresh, before.text) {
		change.gone = true
		return change, nil
	}
	if err := d.remove(c.at, name); err != nil {
		return Change{}, c.damaged(err)
	}
	old, err := c.parse(before.text)
	if err != nil {
		return Change{}, err
	}
	if err := checkEdit(old, d, c.at, name, nil); err != nil {
		return Change{}, c.uneditable(err)
	}
	change.after = d.bytes()
	return change, nil
}

// original finds the backup from which writing entry led to the text now.
func (c Client) original(now []byte, entry Entry) (path string, text []byte, found bool) {
	entry.Replace = true
	for _, path := range c.backups() {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		d, err := parseDocument(c.format, text)
		if err != nil {
			continue
		}
		if old, found, err := c.entry(d, entry.Name); err != nil || (found && old.ours()) {
			continue
		}
		if again, err := c.write(text, entry); err == nil && bytes.Equal(again, now) {
			return path, text, true
		}
	}
	return "", nil, false
}

// write is the text with entry in it.
func (c Client) write(text []byte, entry Entry) ([]byte, error) {
	d, err := c.parse(text)
	if err != nil {
		return nil, err
	}
	old, found, err := c.entry(d, entry.Name)
	if err != nil {
		return nil, err
	}
	if found && !old.ours() && !entry.Replace {
		return nil, fault.New(fault.ForeignEntry, fmt.Sprintf("%s has an entry named %q that is not Drawbridge's.", c.title, entry.Name),
			"Use --replace to put Drawbridge in its place, or give the server another name.")
	}
	want := any(c.shape.write(entry))
	if found && old.ours() {
		if want, err = c.renew(d, old, entry); err != nil {
			return nil, c.damaged(err)
		}
	} else if err := d.set(want, c.at, entry.Name); err != nil {
		return nil, c.damaged(err)
	}
	before, err := c.parse(text)
	if err != nil {
		return nil, err
	}
	if err := checkEdit(before, d, c.at, entry.Name, want); err != nil {
		return nil, c.uneditable(err)
	}
	if !found { // what is written has to be such that it can be taken out again
		back, err := c.parse(d.bytes())
		if err == nil {
			err = back.remove(c.at, entry.Name)
		}
		if err == nil {
			err = checkEdit(before, back, c.at, entry.Name, nil)
		}
		if err != nil {
			return nil, c.uneditable(err)
		}
	}
	return d.bytes(), nil
}

// renew brings an entry of ours up to date, member by member, and returns what
// it has to be then.
func (c Client) renew(d document, old, entry Entry) (any, error) {
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	was, _, err := valueAt(root, c.at, entry.Name)
	if err != nil {
		return nil, err
	}
	want, _ := plain(was).(map[string]any)
	for _, f := range c.shape.start(entry) {
		if same(want[f.name], plain(f.value)) {
			continue
		}
		want[f.name] = plain(f.value)
		if err := d.set(f.value, c.at, entry.Name, f.name); err != nil {
			return nil, err
		}
	}
	env := map[string]string{}
	maps.Copy(env, old.Env)
	delete(env, configVariable) // an earlier place of the folders
	delete(env, stateVariable)
	maps.Copy(env, entry.Env)
	if maps.Equal(env, old.Env) {
		return want, nil
	}
	want[c.shape.env] = plain(env)
	return want, d.set(env, c.at, entry.Name, c.shape.env)
}

// entry reads the entry of the name. One of an unexpected form counts as found
// and foreign.
func (c Client) entry(d document, name string) (entry Entry, found bool, err error) {
	root, err := d.root()
	if err != nil {
		return Entry{}, false, c.damaged(err)
	}
	if _, err := d.names(c.at); err != nil {
		return Entry{}, false, c.damaged(err)
	}
	value, found, err := valueAt(root, c.at, name)
	if err != nil {
		return Entry{}, false, c.damaged(err)
	}
	if !found {
		return Entry{}, false, nil
	}
	entry = c.shape.read(value)
	entry.Name = name
	return entry, true, nil
}

func (c Client) parse(text []byte) (document, error) {
	d, err := parseDocument(c.format, text)
	if err != nil {
		return nil, c.damaged(err)
	}
	return d, nil
}

func (c Client) uneditable(err error) error {
	return fault.Wrap(err, fault.BadSettings, fmt.Sprintf("%s's file %s is left alone: %s.", c.title, c.path, err),
		"Write the entry yourself; nothing has been changed.")
}

func (c Client) damaged(err error) error {
	return fault.Wrap(err, fault.BadSettings, fmt.Sprintf("%s's file %s is damaged: %s.", c.title, c.path, err),
		"Mend it, or move it away; nothing has been changed.")
}

func (c Client) read() (snapshot, error) {
	s, err := readFile(c.path)
	if err != nil {
		return s, fault.Wrap(err, fault.Storage, fmt.Sprintf("%s's file %s cannot be read.", c.title, c.path), "Check that it is yours to read.")
	}
	return s, nil
}

func readFile(path string) (snapshot, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return snapshot{mode: 0o600}, nil
	}
	if err != nil {
		return snapshot{}, err
	}
	if !info.Mode().IsRegular() {
		return snapshot{}, errors.New("it is not a file")
	}
	text, err := os.ReadFile(path)
	return snapshot{exists: true, mode: info.Mode().Perm(), text: text}, err
}

// Digest stands for the change: what the file is, and what it would become.
func (c Change) Digest() string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%t %t %d\n", c.path, c.before.exists, c.gone, len(c.before.text))
	sum.Write(c.before.text)
	sum.Write(c.after)
	return hex.EncodeToString(sum.Sum(nil))
}

// Path is the file that Apply writes.
func (c Change) Path() string { return c.path }

// Empty reports whether there is nothing to do.
func (c Change) Empty() bool {
	return !c.gone && c.before.exists && bytes.Equal(c.before.text, c.after)
}
