package replica_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/serve"
)

// What one bridge keeps one of all bridges takes, once, before its end.
func TestOnce(t *testing.T) {
	redis := startRedis(t)
	one, two := redis.open().Once, redis.open().Once
	ctx := t.Context()
	if err := one.Put(ctx, "a", []byte("value"), time.Minute); err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int32
	var work sync.WaitGroup
	for range 10 {
		for _, store := range []serve.Once{one, two} {
			work.Go(func() {
				value, ok, err := store.Take(ctx, "a")
				if err != nil || ok && string(value) != "value" {
					t.Errorf("%q %v", value, err)
				}
				if ok {
					taken.Add(1)
				}
			})
		}
	}
	work.Wait()
	if taken.Load() != 1 {
		t.Errorf("%d of 20 took it", taken.Load())
	}
	if err := one.Put(ctx, "b", []byte("value"), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if _, ok, err := two.Take(ctx, "b"); ok || err != nil {
		t.Errorf("after its end: %v %v", ok, err)
	}
	redis.stop()
	if err := one.Put(ctx, "c", []byte("value"), time.Minute); err == nil {
		t.Error("kept without a store")
	}
	if _, ok, err := two.Take(ctx, "c"); ok || err == nil {
		t.Errorf("taken without a store: %v %v", ok, err)
	}
}
