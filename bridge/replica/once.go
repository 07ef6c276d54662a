package replica

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// once implements serve.Once.
type once struct{ *store }

// Put implements serve.Once.
func (o once) Put(ctx context.Context, key string, value []byte, life time.Duration) error {
	if err := o.heard(o.client.Set(ctx, prefix+"once:"+key, value, life).Err()); err != nil {
		return fmt.Errorf("keep once: %w", err)
	}
	return nil
}

// Take implements serve.Once. GETDEL lets one of those who ask at the same time
// have it.
func (o once) Take(ctx context.Context, key string) ([]byte, bool, error) {
	raw, err := o.single.GetDel(ctx, prefix+"once:"+key).Bytes()
	switch {
	case errors.Is(o.heard(err), redis.Nil):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("take once: %w", err)
	}
	return raw, true, nil
}
