// Package vault keeps secrets in the OS keychain, whatever their size.
//
// Keychains limit the size of a value (2,560 bytes on Windows, about 3,000 on
// macOS), and a token set is often larger. A value that does not fit is split
// into numbered parts under a new generation; the head entry, which names the
// generation, the number of parts and a SHA-256 of the whole, is written last
// and is the commit: until then every reader sees the old value.
//
// It must not know what a secret means, nor who uses it. One writer at a time
// per name is the caller's duty (a file lock); readers need no lock.
package vault

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"drawbridge/bridge/secret"
)

// ErrNotFound means that nothing is stored under the name.
var ErrNotFound = errors.New("not in the vault")

// errTorn means that the head names parts that are not there or differ: a
// writer is at work, or died between writing and cleaning up.
var errTorn = errors.New("torn value")

// Backend is a flat store of small values. Get and Delete return ErrNotFound
// for a name that is not there. It is safe for concurrent use.
type Backend interface {
	Get(ctx context.Context, name string) (string, error)
	Set(ctx context.Context, name, value string) error
	Delete(ctx context.Context, name string) error
}

// Vault stores secrets of any size in a Backend. It is safe for concurrent use
// by readers; see the package comment for writers.
type Vault struct {
	backend Backend
	limit   int
}

// New makes a Vault over backend, whose values may have up to limit bytes.
func New(backend Backend, limit int) *Vault {
	return &Vault{backend: backend, limit: max(limit, minLimit)}
}

const (
	// minLimit leaves room for the longest head without data.
	minLimit = 160
	// magic opens every head entry and names the form.
	magic = "drawbridge1"
	// tornRetries and tornPause bound the wait for a writer to commit.
	tornRetries = 10
	tornPause   = 20 * time.Millisecond
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

func parseHead(raw string) (head, error) {
	line, data, _ := strings.Cut(raw, "\n")
	f := strings.Split(line, " ")
	if len(f) != 4 || f[0] != magic {
		return head{}, errors.New("entry was not written by this program")
	}
	n, err := strconv.Atoi(f[2])
	if err != nil || n < 0 || n > maxParts || (n > 0 && data != "") {
		return head{}, errors.New("entry is damaged")
	}
	return head{generation: f[1], parts: n, sum: f[3], data: data}, nil
}

// Get reads the value stored under name. It returns ErrNotFound when there is
// none. A value caught while a writer replaces it is read again.
func (v *Vault) Get(ctx context.Context, name string) (secret.String, error) {
	for try := 0; ; try++ {
		value, err := v.read(ctx, name)
		if !errors.Is(err, errTorn) || try == tornRetries {
			if err != nil && !errors.Is(err, ErrNotFound) {
				err = fmt.Errorf("read %s from the keychain: %w", name, err)
			}
			return value, err
		}
		select {
		case <-ctx.Done():
			return secret.String{}, ctx.Err()
		case <-time.After(tornPause):
		}
	}
}

func (v *Vault) read(ctx context.Context, name string) (secret.String, error) {
	raw, err := v.backend.Get(ctx, name)
	if err != nil {
		return secret.String{}, err
	}
	h, err := parseHead(raw)
	if err != nil {
		return secret.String{}, err
	}
	var value strings.Builder
	value.WriteString(h.data)
	for i := range h.parts {
		part, err := v.backend.Get(ctx, partName(name, h.generation, i))
		if errors.Is(err, ErrNotFound) {
			return secret.String{}, errTorn
		}
		if err != nil {
			return secret.String{}, err
		}
		value.WriteString(part)
	}
	if checksum(value.String()) != h.sum {
		return secret.String{}, errTorn
	}
	return secret.New(value.String()), nil
}

// Set stores value under name. When it fails, what was there before still is.
func (v *Vault) Set(ctx context.Context, name string, value secret.String) error {
	old, oldErr := v.head(ctx, name)
	if oldErr != nil && !errors.Is(oldErr, ErrNotFound) && !errors.Is(oldErr, errForeign) {
		return fmt.Errorf("write %s to the keychain: %w", name, oldErr)
	}
	plain := value.Reveal()
	h := head{generation: newGeneration(), sum: checksum(plain), data: plain}
	if len(h.String()) > v.limit {
		h.data = ""
		for at := 0; at < len(plain); at += v.limit {
			part := plain[at:min(at+v.limit, len(plain))]
			if err := v.backend.Set(ctx, partName(name, h.generation, h.parts), part); err != nil {
				v.deleteParts(ctx, name, h)
				return fmt.Errorf("write %s to the keychain: %w", name, err)
			}
			h.parts++
		}
	}
	if err := v.backend.Set(ctx, name, h.String()); err != nil {
		v.deleteParts(ctx, name, h)
		return fmt.Errorf("write %s to the keychain: %w", name, err)
	}
	if oldErr == nil {
		v.deleteParts(ctx, name, old)
	}
	return nil
}

// Delete removes the value stored under name. Nothing there is no error.
func (v *Vault) Delete(ctx context.Context, name string) error {
	h, err := v.head(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil && !errors.Is(err, errForeign) {
		return fmt.Errorf("delete %s from the keychain: %w", name, err)
	}
	if err := v.backend.Delete(ctx, name); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("delete %s from the keychain: %w", name, err)
	}
	v.deleteParts(ctx, name, h)
	return nil
}

// errForeign means that the entry is there but is no head of ours.
var errForeign = errors.New("foreign entry")

func (v *Vault) head(ctx context.Context, name string) (head, error) {
	raw, err := v.backend.Get(ctx, name)
	if err != nil {
		return head{}, err
	}
	h, err := parseHead(raw)
	if err != nil {
		return head{}, errors.Join(errForeign, err)
	}
	return h, nil
}

// deleteParts cleans up; a part that stays behind is garbage, not a danger to
// the value, so errors are not worth failing for.
func (v *Vault) deleteParts(ctx context.Context, name string, h head) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), opLimit)
	defer cancel()
	for i := range h.parts {
		_ = v.backend.Delete(ctx, partName(name, h.generation, i))
	}
}

func partName(name, generation string, i int) string {
	return name + "#" + generation + "#" + strconv.Itoa(i)
}

func newGeneration() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func checksum(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}
