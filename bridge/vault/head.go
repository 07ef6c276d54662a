package vault

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
)

const (
	// minLimit leaves room for the longest head without data.
	minLimit = 160
	// magic opens every head entry and names the form.
	magic = "drawbridge1"
	// maxParts bounds what a damaged head can make a reader do.
	maxParts = 4096
)

// head is the entry that commits a value.
type head struct {
	generation string
	parts      int // 0: data is the value
	sum        string
	data       string
}

func (h head) String() string {
	return strings.Join([]string{magic, h.generation, strconv.Itoa(h.parts), h.sum}, " ") + "\n" + h.data
}

// The ways in which an entry is no value.
var (
	errForeign = errors.New("entry was not written by this program")
	errCorrupt = errors.New("entry is damaged")
	// errTorn: the head names parts that are not there or differ.
	errTorn = errors.New("parts of the entry are missing or differ")
)

func parseHead(raw string) (head, error) {
	line, data, _ := strings.Cut(raw, "\n")
	f := strings.Split(line, " ")
	if f[0] != magic {
		return head{}, errForeign
	}
	if len(f) != 4 || !goodGeneration(f[1]) {
		return head{}, errCorrupt
	}
	n, err := strconv.Atoi(f[2])
	if err != nil || n < 0 || n > maxParts || (n > 0 && data != "") {
		return head{}, errCorrupt
	}
	h := head{generation: f[1], parts: n, sum: f[3], data: data}
	if n == 0 && checksum(data) != h.sum {
		return head{}, errCorrupt
	}
	return h, nil
}

func partName(name, generation string, i int) string {
	return name + "#" + generation + "#" + strconv.Itoa(i)
}

// headOf is the name of the value that an entry belongs to, and whether the
// entry is a part of it.
func headOf(entry string) (name string, part bool) {
	name, _, part = strings.Cut(entry, "#")
	return name, part
}

func newGeneration() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// goodGeneration: a damaged head must not name the parts of another value.
func goodGeneration(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) > 0
}

func checksum(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}
