package credential

import (
	"fmt"
	"sync"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// Two bridges that start at once sign with the key that is kept.
func TestOneSignInKeyForAll(t *testing.T) {
	dir := t.TempDir()
	store := vault.NewMemory()
	keys := make([]secret.String, 8)
	var work, begun sync.WaitGroup
	begun.Add(len(keys))
	for i := range keys {
		m := NewManager(Config{Paths: config.Paths{Config: dir, State: dir}, Vault: store})
		work.Go(func() {
			begun.Done()
			begun.Wait()
			var err error
			if keys[i], err = m.SignInKey(t.Context(), func() secret.String { return secret.New(fmt.Sprint("key ", i)) }); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	for i, key := range keys {
		if !key.Equal(keys[0]) {
			t.Errorf("the bridge %d signs with %q, the first with %q", i, key.Reveal(), keys[0].Reveal())
		}
	}
}
