package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"filippo.io/age"
	"filippo.io/age/armor"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

const (
	// workFactor is log2 of scrypt's N for a new passphrase: 256 MiB and about a
	// second, once for each process (age's own choice).
	workFactor = 18
	// maxWork bounds what a file put in place of the key can make us compute.
	maxWork = 20
	// maxKey bounds what is read of a key file.
	maxKey = 64 << 10
	// tries is how often a wrong passphrase may be corrected.
	tries = 3
	// leastPassphrase is in bytes. The file may end up in a backup, where
	// nothing but the passphrase guards it.
	leastPassphrase = 8
)

// Ask asks the person a question whose answer is a secret. It returns an error
// that wraps ErrNobody when there is nobody to ask.
type Ask func(ctx context.Context, question string) (secret.String, error)

// ErrNobody means that this process cannot ask a person.
var ErrNobody = errors.New("no terminal to ask on")

// fileKey is the age identity that opens a vault file: read from a file of the
// person's, or from our own, which a passphrase encrypts. It is opened once for
// each process.
type fileKey struct {
	path string
	own  bool   // the file is ours, and may be made
	dir  string // where vault files are
	make bool   // ours may be made although there is a vault file of another key
	ask  Ask
	work int
	turn chan struct{}
	key  *openKey // with turn
}

// openKey is ready to encrypt and decrypt.
type openKey struct {
	identities  []age.Identity
	recipient   age.Recipient
	fingerprint string
}

func (k *fileKey) open(ctx context.Context) (*openKey, error) {
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-k.turn }()
	if k.key != nil {
		return k.key, nil
	}
	raw, err := k.read()
	if errors.Is(err, fs.ErrNotExist) && k.own && (k.make || len(vaultFiles(k.dir)) == 0) {
		k.key, err = k.create(ctx)
		return k.key, err
	}
	if err != nil {
		return nil, k.unreadable(err)
	}
	if !encrypted(raw) {
		k.key, err = parseKey(raw)
		if err != nil {
			return nil, k.unreadable(err)
		}
		return k.key, nil
	}
	k.key, err = k.decrypt(ctx, raw)
	return k.key, err
}

// probe says how the key stands without asking for a passphrase.
func (k *fileKey) probe() (locked bool, err error) {
	select {
	case k.turn <- struct{}{}:
	default:
		return true, nil // somebody is being asked
	}
	defer func() { <-k.turn }()
	if k.key != nil {
		return false, nil
	}
	raw, err := k.read()
	switch {
	case errors.Is(err, fs.ErrNotExist) && k.own && len(vaultFiles(k.dir)) == 0:
		return false, nil // nothing is kept yet
	case err != nil:
		return false, k.unreadable(err)
	}
	return encrypted(raw), nil
}

// errOpenToOthers is a key file that others may read.
var errOpenToOthers = errors.New("others may read it")

// read reads the key file, if it is for its owner only.
func (k *fileKey) read() ([]byte, error) {
	info, err := os.Stat(k.path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w (mode %04o)", errOpenToOthers, info.Mode().Perm())
	}
	return readBounded(k.path, maxKey)
}

func (k *fileKey) unreadable(err error) error {
	what, next := fmt.Sprintf("The key file %s of the vault cannot be used.", k.path), "It has to hold an age identity, as age-keygen writes it."
	switch {
	case errors.Is(err, errOpenToOthers):
		what, next = fmt.Sprintf("The key file %s can be read by others.", k.path), "Run: chmod 600 "+k.path
	case errors.Is(err, fs.ErrNotExist):
		what = fmt.Sprintf("The key file %s of the vault is not there.", k.path)
		next = "Put it back. Without it the vault cannot be opened; to begin anew, move the vault file away and sign in again."
		if len(vaultFiles(k.dir)) == 0 {
			next = "Make one: drawbridge vault move --to file --key-file " + k.path
		}
	case errors.Is(err, fs.ErrPermission):
		next = "Check that it is yours to read."
	}
	return fault.Wrap(fmt.Errorf("vault key: %w", err), fault.NoKeychain, what, next)
}

func encrypted(raw []byte) bool {
	return bytes.HasPrefix(raw, []byte("age-encryption.org/")) || bytes.HasPrefix(raw, []byte(armor.Header))
}

// parseKey takes the first identity for writing, all of them for reading. Its
// errors quote nothing of the file.
func parseKey(raw []byte) (*openKey, error) {
	ids, err := age.ParseIdentities(bytes.NewReader(raw))
	if err != nil || len(ids) == 0 {
		return nil, errors.New("it holds no age identity")
	}
	key := &openKey{identities: ids}
	var name string
	switch id := ids[0].(type) {
	case *age.X25519Identity:
		key.recipient, name = id.Recipient(), id.Recipient().String()
	case *age.HybridIdentity:
		key.recipient, name = id.Recipient(), id.Recipient().String()
	default:
		return nil, errors.New("it holds an identity of an unknown kind")
	}
	sum := sha256.Sum256([]byte(name))
	key.fingerprint = hex.EncodeToString(sum[:8])
	return key, nil
}

// decrypt opens an encrypted identity with a passphrase.
func (k *fileKey) decrypt(ctx context.Context, raw []byte) (*openKey, error) {
	for try := 1; ; try++ {
		question := "Passphrase of Drawbridge's vault: "
		if try > 1 {
			question = "That is not it. Passphrase of Drawbridge's vault: "
		}
		phrase, err := k.question(ctx, question)
		if err != nil {
			return nil, err
		}
		key, err := decryptKey(raw, phrase)
		var wrong *age.NoIdentityMatchError
		switch {
		case err == nil:
			return key, nil
		case !errors.As(err, &wrong):
			return nil, k.unreadable(err)
		case try == tries:
			return nil, fault.Wrap(errors.New("vault key: wrong passphrase"), fault.KeychainLocked,
				"That is not the passphrase of the vault.", "Try again.")
		}
	}
}

func decryptKey(raw []byte, phrase secret.String) (*openKey, error) {
	id, err := age.NewScryptIdentity(phrase.Reveal())
	if err != nil { // the empty passphrase
		return nil, &age.NoIdentityMatchError{}
	}
	id.SetMaxWorkFactor(maxWork)
	var in io.Reader = bytes.NewReader(raw)
	if bytes.HasPrefix(raw, []byte(armor.Header)) {
		in = armor.NewReader(in)
	}
	plain, err := age.Decrypt(in, id)
	if err != nil {
		return nil, err
	}
	clear, err := io.ReadAll(io.LimitReader(plain, maxKey))
	if err != nil {
		return nil, err
	}
	return parseKey(clear)
}

func (k *fileKey) question(ctx context.Context, text string) (secret.String, error) {
	err := ErrNobody
	if k.ask != nil {
		var phrase secret.String
		if phrase, err = k.ask(ctx, text); err == nil {
			return phrase, nil
		}
	}
	if !errors.Is(err, ErrNobody) {
		return secret.String{}, fmt.Errorf("ask for the passphrase: %w", err)
	}
	return secret.String{}, nobodyFault(err)
}

func nobodyFault(err error) error {
	return fault.Wrap(fmt.Errorf("vault key: %w", err), fault.NoKeychain,
		"The vault file wants a passphrase, and this process has no terminal to ask for it.",
		"Use a key file; in a terminal: drawbridge vault move --to file --key-file "+exampleKeyFile())
}

func exampleKeyFile() string {
	if runtime.GOOS == "windows" {
		return `%USERPROFILE%\drawbridge-key.txt`
	}
	return "~/.drawbridge-key.txt"
}

// create makes our own key with a new passphrase.
func (k *fileKey) create(ctx context.Context) (*openKey, error) {
	phrase, err := k.question(ctx, "New passphrase for Drawbridge's vault (at least 8 characters): ")
	if err != nil {
		return nil, err
	}
	if len(phrase.Reveal()) < leastPassphrase {
		return nil, fault.New(fault.Usage, "That passphrase is too short.", "Use at least 8 characters; several words are best.")
	}
	again, err := k.question(ctx, "The same again: ")
	if err != nil {
		return nil, err
	}
	if !again.Equal(phrase) {
		return nil, fault.New(fault.Usage, "The two passphrases differ.", "Try again.")
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make vault key: %w", err)
	}
	to, err := age.NewScryptRecipient(phrase.Reveal())
	if err != nil {
		return nil, fmt.Errorf("make vault key: %w", err)
	}
	to.SetWorkFactor(k.work)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err != nil {
		return nil, fmt.Errorf("make vault key: %w", err)
	}
	if _, err := io.WriteString(w, id.String()+"\n"); err != nil {
		return nil, fmt.Errorf("make vault key: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("make vault key: %w", err)
	}
	switch err := writeNew(k.path, sealed.Bytes()); {
	case errors.Is(err, fs.ErrExist):
		return k.made(ctx, phrase)
	case err != nil:
		return nil, err
	}
	return parseKey([]byte(id.String()))
}

// made opens the key that another process made while a person was asked here: by the
// passphrase that they gave here, if it is the same.
func (k *fileKey) made(ctx context.Context, phrase secret.String) (*openKey, error) {
	raw, err := k.read()
	if err != nil {
		return nil, k.unreadable(err)
	}
	if key, err := decryptKey(raw, phrase); err == nil {
		return key, nil
	}
	return k.decrypt(ctx, raw)
}

// CreateKeyFile makes a new age identity at path, 0600. A file that is there
// already is left alone and is no error; made says which it was.
func CreateKeyFile(path string) (made bool, err error) {
	if _, err := os.Lstat(path); err == nil {
		return false, nil
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return false, fmt.Errorf("make vault key: %w", err)
	}
	text := "# The key of Drawbridge's vault file, an age identity. Whoever has both can read your tokens.\n# public key: " +
		id.Recipient().String() + "\n" + id.String() + "\n"
	err = writeNew(path, []byte(text))
	if errors.Is(err, fs.ErrExist) { // somebody made it meanwhile
		return false, nil
	}
	return err == nil, err
}

// writeNew writes a file that is not there yet, all or nothing.
func writeNew(path string, data []byte) error {
	failed := func(err error) error {
		return fault.Wrap(fmt.Errorf("write vault key: %w", err), fault.Storage, path+" cannot be written.", "Check that the disk has room and that the folder is there and yours.")
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return failed(err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return failed(err)
	}
	if err := os.Link(tmp.Name(), path); err != nil { // unlike a rename, it replaces nothing
		return failed(err)
	}
	return syncFolder(filepath.Dir(path))
}
