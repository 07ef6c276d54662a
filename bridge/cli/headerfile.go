package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"

	"drawbridge/bridge/fault"
)

// maxHeaderFile bounds a file of headers in bytes.
const maxHeaderFile = 64 << 10

const (
	// lookAtFile is how often a file is looked at for a change: a script that renews
	// a key in it is followed within that, and fileSettles.
	lookAtFile = time.Second
	// fileSettles is for how long nobody may have written a changed file before it
	// counts: half of it may be there yet.
	fileSettles = 200 * time.Millisecond
	// fileMissing is for how long a file may be empty or gone, as while a script
	// fetches what is to stand in it, before that counts.
	fileMissing = 10 * time.Second
)

// headerFile is a file with a header on each line, read anew when it changes.
// It may hold what is secret, which then no other user may be able to read.
type headerFile struct {
	path string

	mu      sync.Mutex
	looked  time.Time
	stamp   time.Time
	size    int64
	missing time.Time // when it was first seen empty or gone; zero when it is there
	headers map[string]string
}

// headerFiles gives the headers of several files; a later one counts more.
type headerFiles []*headerFile

func newHeaderFiles(paths []string) headerFiles {
	var all headerFiles
	for _, path := range paths {
		all = append(all, &headerFile{path: path})
	}
	return all
}

// read returns the headers as they are now. An error says which file is wrong;
// no value of it is in there.
func (f headerFiles) read() (map[string]string, error) {
	all := map[string]string{}
	for _, one := range f {
		headers, err := one.read(time.Now())
		if err != nil {
			return nil, err
		}
		maps.Copy(all, headers)
	}
	return all, nil
}

func (f *headerFile) read(now time.Time) (map[string]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.headers != nil && (now.Sub(f.looked) < lookAtFile || f.beingWritten(now)) {
		return f.headers, nil
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, f.wrong(err, "cannot be read", "Check --header-file.")
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, f.wrong(err, "cannot be read", "Check --header-file.")
	case !info.Mode().IsRegular():
		return nil, f.wrong(nil, "is no file", "Check --header-file.")
	case info.Size() > maxHeaderFile:
		return nil, f.wrong(nil, "is larger than 64 KiB", "It should hold one 'NAME: VALUE' on each line.")
	}
	f.looked = now
	if f.headers != nil && info.ModTime().Equal(f.stamp) && info.Size() == f.size {
		return f.headers, nil
	}
	headers := map[string]string{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxHeaderFile)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, f.wrong(nil, fmt.Sprintf("is wrong in line %d", n), "It should hold one 'NAME: VALUE' on each line; # begins a comment.")
		}
		if own(name) && !strings.EqualFold(name, "Authorization") {
			return nil, f.wrong(nil, fmt.Sprintf("names %s in line %d, which Drawbridge sets itself", name, n), "Leave that line out.")
		}
		headers[name] = value
	}
	if err := lines.Err(); err != nil {
		return nil, f.wrong(err, "cannot be read", "Check --header-file.")
	}
	if open := info.Mode().Perm() & 0o077; open != 0 && runtime.GOOS != "windows" {
		for name := range headers {
			if secretHeader.MatchString(name) {
				return nil, f.wrong(nil, "holds "+name+" and can be read by other users of this computer", "Run: chmod 600 "+f.path)
			}
		}
	}
	f.headers, f.stamp, f.size = headers, info.ModTime(), info.Size()
	return headers, nil
}

// beingWritten reports whether the file seems to be replaced just now, so that what
// it said goes on to count.
func (f *headerFile) beingWritten(now time.Time) bool {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 && f.size > 0 {
		if f.missing.IsZero() {
			f.missing = now
		}
		return now.Sub(f.missing) < fileMissing
	}
	f.missing = time.Time{}
	if err != nil || info.ModTime().Equal(f.stamp) {
		return false
	}
	age := now.Sub(info.ModTime())
	return age >= 0 && age < fileSettles // below zero: another computer's clock
}

// secretHeader are names whose values are secret.
var secretHeader = regexp.MustCompile(`(?i)auth|token|secret|key|cookie|passw|credential|session|signature`)

func (f *headerFile) wrong(cause error, what, next string) error {
	what = fmt.Sprintf("The file of headers %s %s.", f.path, what)
	if cause == nil {
		return fault.New(fault.Usage, what, next)
	}
	return fault.Wrap(cause, fault.Usage, what, next)
}

// usableFiles makes paths good for a process that is started elsewhere, and checks
// that the files can be used.
func usableFiles(paths []string) ([]string, error) {
	var all []string
	for _, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("header file: %w", err)
		}
		if _, err := (&headerFile{path: abs}).read(time.Now()); err != nil {
			return nil, err
		}
		all = append(all, abs)
	}
	return all, nil
}
