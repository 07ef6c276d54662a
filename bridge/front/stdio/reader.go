package stdio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// ErrTooLong means that a line exceeds the limit; it has been skipped.
var ErrTooLong = errors.New("line too long")

// Reader reads lines of any length up to a limit. Lines end in LF or CRLF, the
// last one may lack its end, and empty ones are skipped.
//
// A byte order mark may open the first one: some shells put it there.
type Reader struct {
	r     *bufio.Reader
	limit int
	begun bool
}

// mark is the byte order mark, and blank what may stand around a JSON text
// (RFC 8259 §2); other spaces of Unicode are no JSON.
const (
	mark  = "\xef\xbb\xbf"
	blank = " \t\r\n"
)

// NewReader reads lines of up to limit bytes from in.
func NewReader(in io.Reader, limit int) *Reader {
	return &Reader{r: bufio.NewReaderSize(in, 64<<10), limit: limit}
}

// Next returns the next line without its end; it is the caller's to keep. It
// returns io.EOF after the last one and ErrTooLong for one that was skipped.
func (r *Reader) Next() ([]byte, error) {
	for {
		line, err := r.line()
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			return nil, err
		}
		if !r.begun {
			r.begun = true
			line = bytes.TrimPrefix(line, []byte(mark))
		}
		if line = bytes.Trim(line, blank); len(line) > 0 {
			return line, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *Reader) line() ([]byte, error) {
	var line []byte
	tooLong := false
	for {
		part, err := r.r.ReadSlice('\n')
		if len(line)+len(part) > r.limit+2 {
			tooLong, line = true, nil
		}
		if !tooLong {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case tooLong && (err == nil || errors.Is(err, io.EOF)):
			return nil, ErrTooLong
		default:
			return line, err
		}
	}
}
