package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// rotated are the files that were put aside, the oldest first.
func rotated(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "audit-*.jsonl"))
	slices.Sort(names)
	return names, err
}

// part is one file of the record.
type part struct {
	io.ReadCloser
	name string
}

// parts are all files of the record, the oldest first, as they are at one moment:
// entries that are written meanwhile are not in them, and no file is put aside
// between a look and the next. The caller closes them.
func parts(dir string) (all []part, err error) {
	lock := flock.New(filepath.Join(dir, current+".lock"), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), lockLimit)
	defer cancel()
	switch ok, err := lock.TryRLockContext(ctx, lockPoll); {
	case ok:
		defer func() { _ = lock.Unlock() }()
	case ctx.Err() != nil:
		return nil, fmt.Errorf("lock: %w", errors.Join(err, ctx.Err()))
	default: // there is no record, or it is a copy that may only be read
	}
	names, err := rotated(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names { // nobody writes these any more
		all = append(all, part{&late{path: name}, filepath.Base(name)})
	}
	file, err := os.Open(filepath.Join(dir, current))
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	size, err := wholeLines(file)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return append(all, part{bounded{io.NewSectionReader(file, 0, size), file}, current}), nil
}

// late is a file that is opened when it is read.
type late struct {
	path string
	file *os.File
}

func (l *late) Read(p []byte) (n int, err error) {
	if l.file == nil {
		if l.file, err = os.Open(l.path); err != nil {
			return 0, err
		}
	}
	return l.file.Read(p)
}

func (l *late) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

type bounded struct {
	io.Reader
	io.Closer
}

// wholeLines is the length of a file without a last line that a crash cut short,
// which is not there: see lastHash.
func wholeLines(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	tail := make([]byte, min(info.Size(), maxLine))
	if _, err := file.ReadAt(tail, info.Size()-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return info.Size() - int64(len(tail)-1-bytes.LastIndexByte(tail, '\n')), nil
}

// Read calls do with each entry of the record, the oldest first.
func Read(dir string, do func(Entry) error) error {
	return each(dir, func(_ string, _ int, line []byte) error {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("audit: a line is damaged: %w", err)
		}
		return do(e)
	})
}

func each(dir string, do func(file string, number int, line []byte) error) error {
	all, err := parts(dir)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	for i, p := range all {
		lines := bufio.NewScanner(p)
		lines.Buffer(make([]byte, 0, 4096), maxLine)
		n := 0
		for err == nil && lines.Scan() {
			n++
			err = do(p.name, n, lines.Bytes())
		}
		if err = errors.Join(err, lines.Err(), p.Close()); err != nil {
			for _, p := range all[i+1:] {
				_ = p.Close()
			}
			return err
		}
	}
	return nil
}

// Broken is where the chain does not hold.
type Broken struct {
	File string
	Line int
	Why  string
}

// Error implements error.
func (b *Broken) Error() string { return fmt.Sprintf("%s, line %d: %s", b.File, b.Line, b.Why) }

// Verify checks the whole chain and returns how many entries it has. Its error is
// a *Broken where a line was changed, added or taken out. That lines were taken
// from the end it cannot see by itself: compare Head with one that was noted.
func Verify(dir string) (entries int, head string, err error) {
	err = each(dir, func(file string, number int, line []byte) error {
		var e Entry
		if json.Unmarshal(line, &e) != nil {
			return &Broken{file, number, "it is not an entry"}
		}
		if entries == 0 && strings.HasPrefix(file, "audit") && e.Previous != "" {
			return &Broken{file, number, "what came before it is missing"}
		}
		if entries > 0 && e.Previous != head {
			return &Broken{file, number, "the line before it is not the one that was there when it was written"}
		}
		entries++
		head = hashOf(line)
		return nil
	})
	return entries, head, err
}
