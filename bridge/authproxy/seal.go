package authproxy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"drawbridge/bridge/secret"
)

// encoding takes one spelling of each value only.
var encoding = base64.RawURLEncoding.Strict()

// minKey is the least length of Config.Key, in bytes.
const minKey = 32

// keys are made of one key, one for each purpose: what was signed or sealed for
// one purpose is worth nothing for another.
type keys struct {
	root          secret.String
	client, state []byte
	form, consent cipher.AEAD
	refresh       cipher.AEAD
}

func newKeys(root secret.String) keys {
	return keys{
		root: root, client: derive(root, "client id"), state: derive(root, "state"),
		form: box(derive(root, "form")), consent: box(derive(root, "consent")), refresh: box(derive(root, "refresh token")),
	}
}

func derive(root secret.String, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(root.Reveal()), nil, "drawbridge sign-in: "+purpose, 32)
	if err != nil {
		panic(err) // 32 bytes can always be made
	}
	return key
}

func box(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// kept is the name of a record in the store and the box that it is in. Both are
// made of the text that its owner has to show: whoever reads the store can open
// nothing, and who has the key alone neither.
func (k keys) kept(kind, text string) (name string, aead cipher.AEAD) {
	sum := sha256.Sum256([]byte(kind + "\x00" + text))
	return kind + ":" + hex.EncodeToString(sum[:]), box(derive(k.root, kind+"\x00"+text))
}

var errSeal = errors.New("it was not made here")

// seal is for what others carry and must neither read nor change.
func seal(aead cipher.AEAD, v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return encoding.EncodeToString(aead.Seal(nil, nil, raw, nil)), nil
}

func unseal(aead cipher.AEAD, text string, v any) error {
	raw, err := encoding.DecodeString(text)
	if err != nil {
		return errSeal
	}
	raw, err = aead.Open(nil, nil, raw, nil)
	if err != nil {
		return errSeal
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	return nil
}

// sign is for what others may read and must not change. with is signed, too, and
// has to be known to who looks.
func sign(key, payload []byte, with string) string {
	return encoding.EncodeToString(payload) + "." + encoding.EncodeToString(sum(key, payload, with))
}

func verify(key []byte, text, with string) ([]byte, error) {
	body, mac, _ := strings.Cut(text, ".")
	payload, err := encoding.DecodeString(body)
	if err != nil {
		return nil, errSeal
	}
	given, err := encoding.DecodeString(mac)
	if err != nil || !hmac.Equal(given, sum(key, payload, with)) {
		return nil, errSeal
	}
	return payload, nil
}

func sum(key, payload []byte, with string) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%d:", len(payload))
	mac.Write(payload)
	mac.Write([]byte(with))
	return mac.Sum(nil)
}

// random is 32 random bytes as text.
func random() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	return encoding.EncodeToString(raw)
}

// digest is a text's SHA-256, as S256 of RFC 7636 §4.2 spells it.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return encoding.EncodeToString(sum[:])
}
