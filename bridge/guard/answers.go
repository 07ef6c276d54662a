package guard

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"time"

	"drawbridge/bridge/secret"
)

// Answers keeps what issuers said of tokens, for several bridges. It is a cache:
// what it has lost is asked again.
type Answers interface {
	Get(ctx context.Context, key string) ([]byte, bool)
	Put(ctx context.Context, key string, answer []byte, life time.Duration)
}

// NewSharedAnswers asks an issuer only when none of several bridges has done so
// within limit. Each answer carries a MAC under a secret that all bridges have
// and the store has not: whoever can write there must not be able to let himself
// in. An answer about a token that is not active is not kept.
func NewSharedAnswers(asks Introspector, store Answers, mac secret.String, limit time.Duration, now func() time.Time) Introspector {
	if now == nil {
		now = time.Now
	}
	if limit <= 0 || limit > DefaultCacheTime {
		limit = DefaultCacheTime
	}
	derived := hmac.New(sha256.New, []byte(mac.Reveal()))
	derived.Write([]byte("drawbridge: answers of issuers"))
	return &sharedAnswers{asks, store, derived.Sum(nil), limit, now}
}

type sharedAnswers struct {
	asks  Introspector
	store Answers
	key   []byte
	limit time.Duration
	now   func() time.Time
}

// Introspect implements Introspector.
func (s *sharedAnswers) Introspect(ctx context.Context, token secret.String) ([]byte, error) {
	key := HashOf(token).String()
	if kept, ok := s.store.Get(ctx, key); ok && len(kept) > sha256.Size && hmac.Equal(kept[:sha256.Size], s.sum(key, kept[sha256.Size:])) {
		return kept[sha256.Size:], nil
	}
	answer, err := s.asks.Introspect(ctx, token)
	if err != nil {
		return nil, err
	}
	var said struct {
		Active  bool    `json:"active"`
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(answer, &said) != nil || !said.Active {
		return answer, nil
	}
	life := s.limit
	if said.Expires > 0 {
		life = min(life, time.Unix(int64(said.Expires), 0).Sub(s.now()))
	}
	if life > 0 {
		s.store.Put(ctx, key, append(s.sum(key, answer), answer...), life)
	}
	return answer, nil
}

func (s *sharedAnswers) sum(key string, answer []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(key))
	mac.Write(answer)
	return mac.Sum(nil)
}
