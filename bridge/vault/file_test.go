package vault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// answers is an Ask that gives these answers in turn, and the last for ever.
func answers(all ...string) Ask {
	var n atomic.Int32
	return func(context.Context, string) (secret.String, error) {
		i := min(int(n.Add(1)), len(all))
		return secret.New(all[i-1]), nil
	}
}

// fileVault is a file vault with a value in it, and its file.
func fileVault(t *testing.T) (config.Paths, config.Vault, string) {
	t.Helper()
	p, choice := keyPaths(t)
	v := opened(t, Config{Paths: p, Choice: &choice})
	if err := v.Set(t.Context(), "a/tokens", secret.New("very-secret")); err != nil {
		t.Fatal(err)
	}
	files := vaultFiles(p.State)
	if len(files) != 1 {
		t.Fatalf("vault files: %v", files)
	}
	return p, choice, files[0]
}

func TestVaultFileIsEncryptedForItsOwner(t *testing.T) {
	p, choice, file := fileVault(t)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("secret")) || bytes.Contains(raw, []byte("tokens")) {
		t.Error("the file shows what is in it")
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	// Another process, later; and the age program, without us.
	if got, err := opened(t, Config{Paths: p, Choice: &choice}).Get(t.Context(), "a/tokens"); err != nil || got.Reveal() != "very-secret" {
		t.Errorf("Get = %v", err)
	}
	keyText, err := os.ReadFile(choice.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(keyText))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := age.Decrypt(bytes.NewReader(raw), ids...)
	if err != nil {
		t.Fatal(err)
	}
	if clear, err := io.ReadAll(plain); err != nil || !strings.Contains(string(clear), `"a/tokens"`) {
		t.Errorf("age gives %v", err)
	}
	left, err := filepath.Glob(filepath.Join(p.State, ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What is in the way is an error that says what to do, and stays as it is.
func TestVaultFileThatCannotBeUsed(t *testing.T) {
	otherKey := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := CreateKeyFile(path); err != nil {
			t.Fatal(err)
		}
	}
	write := func(t *testing.T, path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, key, file string)
		code  fault.Code
		next  string
	}{
		"key file gone":         {func(t *testing.T, key, _ string) { _ = os.Remove(key) }, fault.NoKeychain, "Put it back"},
		"key file open":         {func(t *testing.T, key, _ string) { _ = os.Chmod(key, 0o640) }, fault.NoKeychain, "chmod 600"},
		"key file is another":   {func(t *testing.T, key, _ string) { otherKey(t, key) }, fault.NoKeychain, "Put the key file back"},
		"key file is no key":    {func(t *testing.T, key, _ string) { write(t, key, "AGE-SECRET-KEY-hunter2") }, fault.NoKeychain, "age-keygen"},
		"key file is empty":     {func(t *testing.T, key, _ string) { write(t, key, "") }, fault.NoKeychain, "age-keygen"},
		"key file is a folder":  {func(t *testing.T, key, _ string) { _ = os.Remove(key); _ = os.Mkdir(key, 0o700) }, fault.NoKeychain, "age-keygen"},
		"vault file is torn":    {func(t *testing.T, _, file string) { _ = os.Truncate(file, 150) }, fault.Storage, "copy"},
		"vault file cut at end": {func(t *testing.T, _, file string) { i, _ := os.Stat(file); _ = os.Truncate(file, i.Size()-1) }, fault.Storage, "copy"},
		"vault file is empty":   {func(t *testing.T, _, file string) { _ = os.Truncate(file, 0) }, fault.Storage, "copy"},
		"vault file is foreign": {func(t *testing.T, _, file string) { write(t, file, "hunter2") }, fault.Storage, "copy"},
		"a byte is changed": {func(t *testing.T, _, file string) {
			raw, _ := os.ReadFile(file)
			raw[len(raw)-20] ^= 1
			write(t, file, string(raw))
		}, fault.Storage, "copy"},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && name == "key file open" {
				t.Skip("no modes there")
			}
			p, choice, file := fileVault(t)
			c.spoil(t, choice.KeyFile, file)
			before, _ := os.ReadFile(file)
			v := opened(t, Config{Paths: p, Choice: &choice})
			_, getErr := v.Get(t.Context(), "a/tokens")
			setErr := v.Set(t.Context(), "a/tokens", secret.New("new"))
			for op, err := range map[string]error{"Get": getErr, "Set": setErr, "Delete": v.Delete(t.Context(), "a/tokens")} {
				if !fault.Is(err, c.code) || !strings.Contains(fault.Public(err).Next, c.next) {
					t.Errorf("%s = %v, next %q; want %s, %q", op, err, fault.Public(err).Next, c.code, c.next)
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s quotes the file: %v", op, err)
				}
			}
			after, _ := os.ReadFile(file)
			if !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestPassphrase(t *testing.T) {
	ctx := t.Context()
	p, _ := keyPaths(t)
	choice := config.Vault{Kind: config.FileVault}
	open := func(ask Ask) *Vault { return opened(t, Config{Paths: p, Choice: &choice, Ask: ask}) }
	if err := open(answers("short")).Set(ctx, "a", secret.New("x")); !fault.Is(err, fault.Usage) {
		t.Errorf("a short one: %v", err)
	}
	if err := open(answers("correct horse", "correct house")).Set(ctx, "a", secret.New("x")); !fault.Is(err, fault.Usage) {
		t.Errorf("two that differ: %v", err)
	}
	if files := vaultFiles(p.State); len(files) != 0 {
		t.Fatalf("there is a vault already: %v", files)
	}
	asked := 0
	counted := func(ctx context.Context, q string) (secret.String, error) {
		asked++
		return answers("correct horse")(ctx, q)
	}
	v := open(counted)
	for range 3 {
		if err := v.Set(ctx, "a", secret.New("x")); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times, want twice for a new passphrase", asked)
	}
	asked = 0
	v = open(counted)
	for range 3 {
		if got, err := v.Get(ctx, "a"); err != nil || got.Reveal() != "x" {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once for each process", asked)
	}
	if got, err := open(answers("wrong one", "", "correct horse")).Get(ctx, "a"); err != nil || got.Reveal() != "x" {
		t.Errorf("corrected at the third try: %v", err)
	}
	if _, err := open(answers("wrong one")).Get(ctx, "a"); !fault.Is(err, fault.KeychainLocked) {
		t.Errorf("always wrong: %v", err)
	}
	// A process that has nobody to ask.
	none := open(nil)
	for op, err := range map[string]error{
		"CanOpen": none.CanOpen(), "Check": none.Check(ctx), "Set": none.Set(ctx, "a", secret.New("y")),
	} {
		if !fault.Is(err, fault.NoKeychain) || fault.CodeOf(err).ExitStatus() != 12 || !strings.Contains(fault.Public(err).Next, "key file") {
			t.Errorf("%s with nobody to ask = %v", op, err)
		}
	}
	if st, err := none.Status(ctx, nil); err != nil || !st.Locked || !st.Reachable || st.Entries != 1 {
		t.Errorf("Status = %+v, %v", st, err)
	}
	if mode, err := os.Stat(filepath.Join(p.State, "vault-key.age")); err != nil || runtime.GOOS != "windows" && mode.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode: %v, %v", mode, err)
	}
}

// Two processes may ask for a new passphrase at once. There is one key: that of the
// first, which the second opens.
func TestTwoMakeThePassphraseAtOnce(t *testing.T) {
	for name, typed := range map[string][]string{
		"the same":   {"correct horse", "correct horse"},
		"one's own":  {"battery staple", "battery staple", "correct horse"},
		"a mistaken": {"battery staple", "battery staple", "correct house", "correct horse"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := keyPaths(t)
			choice := config.Vault{Kind: config.FileVault}
			first := opened(t, Config{Paths: p, Choice: &choice, Ask: answers("correct horse")})
			asked := 0
			second := opened(t, Config{Paths: p, Choice: &choice, Ask: func(ctx context.Context, _ string) (secret.String, error) {
				if asked == 1 {
					if err := first.Set(ctx, "a", secret.New("x")); err != nil {
						t.Error(err)
					}
				}
				asked++
				return secret.New(typed[asked-1]), nil
			}})
			if err := second.Set(t.Context(), "b", secret.New("y")); err != nil {
				t.Fatal(err)
			}
			if asked != len(typed) {
				t.Errorf("asked %d times, want %d", asked, len(typed))
			}
			for key, want := range map[string]string{"a": "x", "b": "y"} {
				for _, v := range []*Vault{first, second} {
					if got, err := v.Get(t.Context(), key); err != nil || got.Reveal() != want {
						t.Errorf("%s: %v", key, err)
					}
				}
			}
		})
	}
}

// A key of a person's own may be encrypted too, and post-quantum.
func TestOtherKeys(t *testing.T) {
	ctx := t.Context()
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	x, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"post-quantum": hybrid.String(), "two": "# mine\n" + x.String() + "\n" + hybrid.String() + "\n",
		"encrypted": sealedWith(t, "correct horse", x.String()),
	} {
		t.Run(name, func(t *testing.T) {
			p, choice := keyPaths(t)
			if err := os.WriteFile(choice.KeyFile, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				v := opened(t, Config{Paths: p, Choice: &choice, Ask: answers("correct horse")})
				if err := v.Set(ctx, "a", secret.New("x")); err != nil {
					t.Fatal(err)
				}
				if got, err := v.Get(ctx, "a"); err != nil || got.Reveal() != "x" {
					t.Errorf("Get: %v", err)
				}
			}
		})
	}
}

func sealedWith(t *testing.T, phrase, text string) string {
	t.Helper()
	to, err := age.NewScryptRecipient(phrase)
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(fastWork)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What a tampered key makes us compute is bounded.
func TestScryptIsBounded(t *testing.T) {
	p, choice := keyPaths(t)
	raw := sealedWith(t, "correct horse", "x")
	raw = strings.Replace(raw, " 10\n", " 30\n", 1)
	if err := os.WriteFile(choice.KeyFile, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := opened(t, Config{Paths: p, Choice: &choice, Ask: answers("correct horse")}).Get(t.Context(), "a")
	if !fault.Is(err, fault.NoKeychain) || !strings.Contains(err.Error(), "work factor") {
		t.Errorf("Get = %v", err)
	}
}

func TestCreateKeyFileReplacesNothing(t *testing.T) {
	_, choice := keyPaths(t)
	before, err := os.ReadFile(choice.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if made, err := CreateKeyFile(choice.KeyFile); made || err != nil {
		t.Errorf("again: %v, %v", made, err)
	}
	if after, err := os.ReadFile(choice.KeyFile); err != nil || !bytes.Equal(before, after) {
		t.Error("the key was replaced")
	}
	if _, err := CreateKeyFile(filepath.Join(filepath.Dir(choice.KeyFile), "no", "folder")); !fault.Is(err, fault.Storage) {
		t.Errorf("without a folder: %v", err)
	}
}
