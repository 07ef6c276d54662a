package vault

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/secret"
)

// Several processes write one file vault, their own names and a common one.
func TestProcessesWriteOneFile(t *testing.T) {
	p, choice := keyPaths(t)
	writeAtOnce(t, job{Do: "write", Paths: p, Choice: &choice, Rounds: 6}, 5)
}

// The same with a real keychain.
func TestProcessesWriteOneKeychain(t *testing.T) {
	needSession(t)
	p, _ := keyPaths(t)
	writeAtOnce(t, job{Do: "write", Paths: p, Choice: &config.Vault{Kind: config.KeychainVault}, Service: "drawbridge-processes", Rounds: 4}, 5)
}

func writeAtOnce(t *testing.T, j job, processes int) {
	var all []*process
	for i := range processes {
		own := j
		own.Names = []string{fmt.Sprintf("server%d@default/tokens", i), "shared@default/tokens", fmt.Sprintf("client-%d", i)}
		all = append(all, begin(t, own))
	}
	for _, p := range all {
		if r := p.end(); r.Err != "" {
			t.Error(r.Err)
		}
	}
	v := Open(Config{Paths: j.Paths, Choice: j.Choice, Service: j.Service})
	st, err := v.Status(t.Context(), nil)
	if err != nil || st.Err != nil || st.Entries != 2*processes+1 || len(st.Damaged) != 0 || st.Strays != 0 {
		t.Errorf("Status = %+v, %v", st, err)
	}
	for i := range processes {
		name := fmt.Sprintf("server%d@default/tokens", i)
		if got, err := v.Get(t.Context(), name); err != nil || got.Reveal() != valueOf(name, j.Rounds-1) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// 200 credentials, 50 writers and 10 readers on a real Secret Service: nothing
// is lost and nothing torn. Each credential is written twice: two of three by
// the same writer, whose last value must stay, the others by two at once.
func TestManyCredentialsAndWriters(t *testing.T) {
	needSession(t)
	const credentials, writers, readers = 200, 50, 10
	begun := time.Now()
	p, _ := keyPaths(t)
	// Each writer as a process of its own would be, with its own locks.
	open := func() *Vault {
		return Open(Config{Paths: p, Choice: &config.Vault{Kind: config.KeychainVault}, Service: "drawbridge-many"})
	}
	name := func(i int) string { return fmt.Sprintf("server%d@default/tokens", i) }
	value := func(i, writer, round int) string {
		one := fmt.Sprintf("%d of %d by %d;", round, i, writer)
		if i%25 == 1 { // more than one entry takes
			return strings.Repeat(one, valueLimit/len(one)+100)
		}
		return strings.Repeat(one, 20+(i*7+round*13)%400)
	}
	last := func(i int) string { return value(i, i%writers, 1) } // where there is one writer
	var work, reading sync.WaitGroup
	for w := range writers {
		v := open()
		work.Go(func() {
			for i := range credentials {
				for round := range 2 {
					if i%writers == w && i%3 != 0 || i%3 == 0 && (i+round)%writers == w {
						if err := v.Set(t.Context(), name(i), secret.New(value(i, w, round))); err != nil {
							t.Error(err)
							return
						}
					}
				}
			}
		})
	}
	stop := make(chan struct{})
	reads := make([]int, readers)
	for r := range readers {
		v := open()
		reading.Go(func() {
			random := rand.New(rand.NewPCG(uint64(r), 1))
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				i := random.IntN(credentials)
				got, err := v.Get(t.Context(), name(i))
				if err == ErrNotFound {
					continue // not yet written
				}
				if err != nil || !wholeValue(got.Reveal(), i) {
					t.Errorf("reading %s: %v", name(i), err)
					return
				}
				reads[r]++
			}
		})
	}
	work.Wait()
	close(stop)
	reading.Wait()

	v := open()
	for i := range credentials {
		got, err := v.Get(t.Context(), name(i))
		switch {
		case err != nil:
			t.Errorf("lost: %v", err)
		case i%3 != 0 && got.Reveal() != last(i):
			t.Errorf("%s is not what its only writer wrote last", name(i))
		case !wholeValue(got.Reveal(), i):
			t.Errorf("%s is torn", name(i))
		}
	}
	st, err := v.Status(t.Context(), nil)
	if err != nil || st.Err != nil || st.Entries != credentials || len(st.Damaged) != 0 || st.Strays != 0 {
		t.Errorf("Status = %+v, %v", st, err)
	}
	total := 0
	for _, n := range reads {
		total += n
	}
	t.Logf("%d reads beside %d writers, %v", total, writers, time.Since(begun).Round(time.Millisecond))
	if total == 0 {
		t.Error("nobody has read")
	}
}

// wholeValue reports whether a value is one that a writer of credential i made.
func wholeValue(s string, i int) bool {
	one, _, ok := strings.Cut(s, ";")
	return ok && strings.Contains(one, fmt.Sprintf(" of %d by ", i)) && s == strings.Repeat(one+";", strings.Count(s, ";"))
}

// Writers of one name in several processes take turns: each reads back what it
// wrote, and what one of them wrote is there in the end.
func TestProcessesWriteOneName(t *testing.T) {
	ctx := t.Context()
	h := newHousehold(t)
	h.keychain.fail = func(string, string) error { // others get their chance between any two
		time.Sleep(time.Millisecond)
		return nil
	}
	var writers sync.WaitGroup
	for i := range 4 {
		v := h.open()
		writers.Go(func() {
			for range 8 {
				if err := v.Set(ctx, "k", secret.New(strings.Repeat(fmt.Sprint(i), 500))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if got, err := h.open().Get(ctx, "k"); err != nil || got.Reveal() != strings.Repeat(got.Reveal()[:1], 500) {
		t.Errorf("Get: %v", err)
	}
	if n := len(h.keychain.m.values); n != 4 { // the head and three parts
		t.Errorf("%d entries are left", n)
	}
}

// The lock of a writer that was killed falls with it.
func TestKilledWriterBlocksNobody(t *testing.T) {
	p, choice := keyPaths(t)
	for range 5 {
		before := written(p)
		victim := begin(t, job{Do: "write", Paths: p, Choice: &choice, Names: []string{"a/tokens", "b/tokens"}, Rounds: 1 << 20})
		if !soon(func() bool { return written(p) != before }) {
			t.Fatal("the writer writes nothing")
		}
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
		if err := victim.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = victim.cmd.Wait()
		v := Open(Config{Paths: p, Choice: &choice})
		begun := time.Now()
		for _, name := range []string{"a/tokens", "b/tokens"} {
			if got, err := v.Get(t.Context(), name); err != nil && err != ErrNotFound || err == nil && !strings.HasPrefix(got.Reveal(), name+" ") {
				t.Errorf("after the kill: %v", err)
			}
		}
		if err := v.Set(t.Context(), "c/tokens", secret.New("x")); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took > lockLimit/2 {
			t.Errorf("the next writer waited %v", took)
		}
	}
	if entries, err := os.ReadDir(p.State); err != nil || len(entries) > 12 {
		t.Errorf("%d files in the state folder, %v", len(entries), err)
	}
}

// written is when the vault file was last written; zero when there is none.
func written(p config.Paths) time.Time {
	for _, file := range vaultFiles(p.State) {
		if info, err := os.Stat(file); err == nil {
			return info.ModTime()
		}
	}
	return time.Time{}
}

// An entry that is deleted while it is read is not there; the keychain is not
// out of order.
func TestReadersBesideDeleters(t *testing.T) {
	needSession(t)
	ctx := t.Context()
	k := &keychain{service: "drawbridge-deleters", gate: newGate("", true)}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 6 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, err := k.Get(ctx, "one"); err != nil && err != ErrNotFound || err == nil && got != "x" {
					t.Errorf("Get = %q, %v", got, err)
					return
				}
			}
		})
	}
	for range 60 {
		if err := k.Set(ctx, "one", "x"); err != nil {
			t.Error(err)
		}
		if err := k.Delete(ctx, "one"); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}
