package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// household is one user's folders with a keychain that is played by memory and a
// real file vault; several Vaults over it are several processes.
type household struct {
	t        testing.TB
	paths    config.Paths
	file     config.Vault
	keychain *tightMemory
}

// tightMemory cannot be listed, like the keychains of macOS and Windows, and can
// be made to fail.
type tightMemory struct {
	m    memory
	fail func(op, name string) error
}

func (k *tightMemory) do(op, name string) error {
	if k.fail != nil {
		return k.fail(op, name)
	}
	return nil
}

func (k *tightMemory) Get(ctx context.Context, name string) (string, error) {
	if err := k.do("get", name); err != nil {
		return "", err
	}
	return k.m.Get(ctx, name)
}

func (k *tightMemory) Set(ctx context.Context, name, value string) error {
	if err := k.do("set", name); err != nil {
		return err
	}
	return k.m.Set(ctx, name, value)
}

func (k *tightMemory) Delete(ctx context.Context, name string) error {
	if err := k.do("delete", name); err != nil {
		return err
	}
	return k.m.Delete(ctx, name)
}

func newHousehold(t testing.TB) *household {
	p, choice := keyPaths(t)
	return &household{t: t, paths: p, file: choice, keychain: &tightMemory{m: memory{values: map[string]string{}}}}
}

// open is another process.
func (h *household) open() *Vault {
	v := opened(h.t, Config{Paths: h.paths, Ask: answers("correct horse")})
	v.files.limit = 200
	v.files.backend = func(choice config.Vault) Backend {
		if choice.InFile() {
			return v.files.file(choice, false)
		}
		return h.keychain
	}
	return v
}

func (h *household) chosen() config.Vault {
	s, err := config.Load(h.paths)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Vault
}

// values are two accounts and a registration; one is larger than a keychain takes.
func (h *household) values() map[string]string {
	return map[string]string{
		"notes@default/tokens": strings.Repeat("t", 300), "notes@work/tokens": "w",
		"notes@work/client-secret": "s", "client-0011": "r",
	}
}

func (h *household) fill(v *Vault) {
	h.t.Helper()
	for name, value := range h.values() {
		if err := v.Set(h.t.Context(), name, secret.New(value)); err != nil {
			h.t.Fatal(err)
		}
	}
}

// whole fails unless everything is where the settings say.
func (h *household) whole(when string) {
	h.t.Helper()
	v := h.open()
	for name, want := range h.values() {
		if got, err := v.Get(h.t.Context(), name); err != nil || got.Reveal() != want {
			h.t.Fatalf("%s: %s is lost: %v", when, name, err)
		}
	}
}

// only fails if anything is anywhere but in the place that the settings name.
func (h *household) only(when string) {
	h.t.Helper()
	if h.chosen().InFile() {
		if n := len(h.keychain.m.values); n != 0 {
			h.t.Errorf("%s: %d entries are left in the keychain", when, n)
		}
	} else if files := vaultFiles(h.paths.State); len(files) != 0 {
		h.t.Errorf("%s: %v is left", when, files)
	}
	if _, err := os.Stat(filepath.Join(h.paths.State, "vault-move.json")); err == nil {
		h.t.Errorf("%s: the journal is left", when)
	}
}

func TestMoveThereAndBack(t *testing.T) {
	ctx := t.Context()
	h := newHousehold(t)
	other := h.open() // runs all the time
	h.fill(other)
	// Written before names were noted: only the caller knows it.
	if err := os.RemoveAll(filepath.Join(h.paths.State, "vault-names")); err != nil {
		t.Fatal(err)
	}
	known := []string{"notes@default/tokens", "notes@work/tokens", "notes@work/client-secret", "client-0011", "gone@default/tokens"}
	for _, to := range []config.Vault{h.file, {Kind: config.KeychainVault}, {Kind: config.FileVault}, h.file, {}} {
		done, err := h.open().Move(ctx, to, MoveOptions{Known: known})
		if err != nil || done.Entries != 4 || done.Already {
			t.Fatalf("move to %v: %+v, %v", to, done, err)
		}
		known = nil // noted by now
		if !h.chosen().Same(to) {
			t.Errorf("the settings name %v, not %v", h.chosen(), to)
		}
		h.whole("after the move")
		h.only("after the move")
		// The other process notices.
		if got, err := other.Get(ctx, "notes@work/tokens"); err != nil || got.Reveal() != "w" {
			t.Errorf("in the other process: %v", err)
		}
		if err := other.Set(ctx, "notes@work/tokens", secret.New("w")); err != nil {
			t.Error(err)
		}
		h.only("after a write of the other process")
		if done, err := h.open().Move(ctx, to, MoveOptions{}); err != nil || !done.Already || done.Entries != 0 {
			t.Errorf("the same again: %+v, %v", done, err)
		}
	}
}

// interruption is what a test panics with where a process would die.
type interruption struct{}

// diesAt moves and dies at the step with the number; over is true when the move
// was over before.
func diesAt(v *Vault, to config.Vault, step int) (name string, over bool, err error) {
	n := 0
	v.moveStep = func(s string) {
		if n++; n == step {
			name = s
			panic(interruption{})
		}
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(interruption); !ok {
				panic(r)
			}
			over = false
		}
	}()
	_, err = v.Move(context.Background(), to, MoveOptions{})
	return "", true, err
}

// A move that is interrupted, wherever, loses nothing; the next one cleans up,
// there or back.
func TestMoveInterrupted(t *testing.T) {
	for _, end := range []struct{ there, back bool }{{true, false}, {true, true}, {false, false}, {false, true}} {
		for step := 1; ; step++ {
			h := newHousehold(t)
			h.fill(h.open())
			from, to := config.Vault{}, h.file
			if !end.there {
				if _, err := h.open().Move(t.Context(), to, MoveOptions{}); err != nil {
					t.Fatal(err)
				}
				from, to = to, from
			}
			name, over, err := diesAt(h.open(), to, step)
			if err != nil {
				t.Fatal(err)
			}
			when := fmt.Sprintf("%+v, dead at step %d, %q", end, step, name)
			h.whole(when)
			if !over {
				if st, err := h.open().Status(t.Context(), nil); err != nil || st.Interrupted == nil || st.Interrupted.Stale.Same(st.Choice) {
					t.Errorf("%s: status %+v, %v", when, st.Interrupted, err)
				}
			}
			if end.back {
				to = from
			}
			if _, err := h.open().Move(t.Context(), to, MoveOptions{}); err != nil {
				t.Fatalf("%s: the next move: %v", when, err)
			}
			if !h.chosen().Same(to) {
				t.Errorf("%s: the settings name %v", when, h.chosen())
			}
			h.whole(when + ", after the next move")
			h.only(when + ", after the next move")
			if over {
				if step < 10 {
					t.Errorf("only %d steps", step)
				}
				break
			}
		}
	}
}

// A place that refuses one operation after another: all or nothing.
func TestMoveThatFails(t *testing.T) {
	full := errors.New("disk full")
	for op := 1; ; op++ {
		h := newHousehold(t)
		h.fill(h.open())
		if _, err := h.open().Move(t.Context(), h.file, MoveOptions{}); err != nil {
			t.Fatal(err)
		}
		n := 0
		h.keychain.fail = func(string, string) error {
			if n++; n >= op && n < op+3 { // a while
				return full
			}
			return nil
		}
		_, err := h.open().Move(t.Context(), config.Vault{}, MoveOptions{})
		never := n < op
		h.keychain.fail = nil
		h.whole(fmt.Sprintf("operation %d failed (%v)", op, err))
		if err != nil && h.chosen().InFile() != true {
			t.Errorf("operation %d failed (%v), and the settings are switched", op, err)
		}
		if _, err := h.open().Move(t.Context(), config.Vault{}, MoveOptions{}); err != nil {
			t.Errorf("again after operation %d: %v", op, err)
		}
		h.whole("again")
		h.only("again")
		if never {
			return
		}
	}
}

func TestMoveAndDamagedEntries(t *testing.T) {
	ctx := t.Context()
	h := newHousehold(t)
	h.fill(h.open())
	h.keychain.m.values["notes@work/tokens"] = "something else"
	_, err := h.open().Move(ctx, h.file, MoveOptions{})
	if !errors.Is(err, ErrDamaged) || !strings.Contains(fault.Public(err).What, "notes@work/tokens") || !strings.Contains(fault.Public(err).Next, "--leave-damaged") {
		t.Errorf("Move = %v (%+v)", err, fault.Public(err))
	}
	if h.chosen().InFile() || len(vaultFiles(h.paths.State)) != 0 {
		t.Error("something was moved")
	}
	st, err := h.open().Status(ctx, nil)
	if err != nil || st.Entries != 4 || len(st.Damaged) != 1 || st.Damaged[0] != (DamagedError{"notes@work/tokens", Foreign}) {
		t.Errorf("Status = %+v, %v", st, err)
	}
	done, err := h.open().Move(ctx, h.file, MoveOptions{LeaveDamaged: true})
	if err != nil || done.Entries != 3 || len(done.Left) != 1 {
		t.Errorf("Move = %+v, %v", done, err)
	}
	if got := h.keychain.m.values; len(got) != 1 || got["notes@work/tokens"] != "something else" {
		t.Errorf("left in the keychain: %v", got)
	}
}

// Writers in other processes go on during moves: no write is lost.
func TestWritersDuringMoves(t *testing.T) {
	ctx := t.Context()
	h := newHousehold(t)
	h.fill(h.open())
	h.keychain.fail = func(op, _ string) error { // slow enough to be met in the middle of a write
		if op == "set" {
			time.Sleep(15 * time.Millisecond)
		}
		return nil
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	last := make([]string, 4)
	for i := range last {
		v := h.open()
		name := fmt.Sprintf("a-writer%d", i)
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				last[i] = strings.Repeat(fmt.Sprintf("%d.", n), 20)
				if err := v.Set(ctx, name, secret.New(last[i])); err != nil {
					t.Errorf("Set: %v", err)
					return
				}
				if got, err := v.Get(ctx, name); err != nil || got.Reveal() != last[i] {
					t.Errorf("a write is lost: %v", err)
					return
				}
			}
		})
	}
	for i := range 10 {
		to := h.file
		if i%2 == 1 {
			to = config.Vault{}
		}
		if _, err := h.open().Move(ctx, to, MoveOptions{}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	writers.Wait()
	v := h.open()
	for i, want := range last {
		if got, err := v.Get(ctx, fmt.Sprintf("a-writer%d", i)); err != nil || got.Reveal() != want {
			t.Errorf("in the end writer%d's is lost: %v", i, err)
		}
	}
	h.only("in the end")
}

// A reader that is on its way while everything is moved finds it in the new place.
func TestReaderDuringAMove(t *testing.T) {
	ctx := t.Context()
	h := newHousehold(t)
	h.fill(h.open())
	moved := false
	h.keychain.fail = func(op, name string) error {
		if op == "get" && name == "notes@work/tokens" && !moved {
			moved = true
			if _, err := h.open().Move(ctx, h.file, MoveOptions{}); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	if got, err := h.open().Get(ctx, "notes@work/tokens"); err != nil || got.Reveal() != "w" || !moved {
		t.Errorf("Get: %v, moved: %v", err, moved)
	}
	h.only("after the move")
}

// Settings that somebody is editing do not change the vault under a process, and
// never mean another place.
func TestSettingsThatCannotBeRead(t *testing.T) {
	ctx := t.Context()
	h := newHousehold(t)
	h.fill(h.open())
	if _, err := h.open().Move(ctx, h.file, MoveOptions{}); err != nil {
		t.Fatal(err)
	}
	running := h.open()
	if err := running.Check(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.paths.SettingsFile(), []byte(`{"version": 1, "servers": [`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := running.Get(ctx, "notes@work/tokens"); err != nil || got.Reveal() != "w" {
		t.Errorf("in a running process: %v", err)
	}
	started := h.open()
	if _, err := started.Get(ctx, "notes@work/tokens"); !fault.Is(err, fault.BadSettings) {
		t.Errorf("in a new process: %v", err)
	}
	if err := started.Set(ctx, "notes@work/tokens", secret.New("x")); !fault.Is(err, fault.BadSettings) {
		t.Errorf("in a new process: %v", err)
	}
}

// A choice in words on the command line is not the settings'.
func TestOnlyTheSettingsVaultIsMoved(t *testing.T) {
	h := newHousehold(t)
	v := opened(t, Config{Paths: h.paths, Choice: &h.file})
	if _, err := v.Move(t.Context(), config.Vault{}, MoveOptions{}); err == nil {
		t.Error("moved")
	}
	if _, err := NewMemory().Move(t.Context(), config.Vault{}, MoveOptions{}); err == nil {
		t.Error("moved")
	}
	if _, err := h.open().Move(t.Context(), config.Vault{Kind: "cloud"}, MoveOptions{}); !fault.Is(err, fault.Usage) {
		t.Errorf("to a cloud: %v", err)
	}
}
