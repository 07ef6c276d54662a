// Command fosite is an authorization server made of Ory's fosite, the engine of
// Hydra and Authelia, for the soak. Its access tokens are opaque and die with
// the refresh that replaces them; a second use of a refresh token revokes the
// grant with everything in it.
//
//	fosite --issuer URL --ttl SECONDS
//
// It prints {"port":N} when ready and ends with its standard input. Whoever
// presses the button is ada. /__introspect says what a token is worth.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
)

const scopes = "openid offline_access email profile mcp:tools mcp:admin"

func main() {
	issuer := flag.String("issuer", "", "the `URL` under which it is reached")
	ttl := flag.Int("ttl", 60, "the life of access tokens in `seconds`")
	flag.Parse()
	if *issuer == "" || *ttl <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*issuer, time.Duration(*ttl)*time.Second); err != nil {
		log.Fatal(err)
	}
}

func run(issuer string, ttl time.Duration) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: newServer(issuer, ttl).routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Printf("{\"port\":%d}\n", l.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(l); err != http.ErrServerClosed {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

type server struct {
	issuer string
	store  *store
	oauth  fosite.OAuth2Provider
}

func newServer(issuer string, ttl time.Duration) *server {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	config := &fosite.Config{
		GlobalSecret: key, AccessTokenLifespan: ttl, EnforcePKCE: true,
		RefreshTokenScopes: []string{}, // a refresh token for everybody
		ScopeStrategy:      fosite.ExactScopeStrategy,
	}
	s := &store{MemoryStore: storage.NewMemoryStore(), registered: map[string]fosite.Client{}}
	return &server{issuer, s, compose.Compose(
		config, s, &compose.CommonStrategy{CoreStrategy: compose.NewOAuth2HMACStrategy(config)},
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2RefreshTokenGrantFactory,
		compose.OAuth2PKCEFactory, compose.OAuth2TokenIntrospectionFactory,
	)}
}

// store adds registered clients to fosite's, whose map is not locked.
type store struct {
	*storage.MemoryStore
	mu         sync.Mutex
	registered map[string]fosite.Client
}

// GetClient implements fosite.ClientManager.
func (s *store) GetClient(_ context.Context, id string) (fosite.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.registered[id]; ok {
		return c, nil
	}
	return nil, fosite.ErrNotFound
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.metadata)
	mux.HandleFunc("POST /register", s.register)
	mux.HandleFunc("GET /authorize", s.ask)
	mux.HandleFunc("POST /authorize", s.allow)
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("POST /__introspect", s.introspect)
	return mux
}

func (s *server) metadata(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer":                                s.issuer,
		"authorization_endpoint":                s.issuer + "/authorize",
		"token_endpoint":                        s.issuer + "/token",
		"registration_endpoint":                 s.issuer + "/register",
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"},
	})
}

// register takes any public client (RFC 7591).
func (s *server) register(w http.ResponseWriter, r *http.Request) {
	var asked map[string]any
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&asked); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_client_metadata"})
		return
	}
	var uris []string
	for _, uri := range asked["redirect_uris"].([]any) {
		uris = append(uris, uri.(string))
	}
	id := "client-" + rand.Text()
	s.store.mu.Lock()
	s.store.registered[id] = &fosite.DefaultClient{
		ID: id, Public: true, RedirectURIs: uris, Scopes: strings.Fields(scopes),
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
	}
	s.store.mu.Unlock()
	asked["client_id"], asked["token_endpoint_auth_method"] = id, "none"
	answer(w, http.StatusCreated, asked)
}

// ask shows a page with one button, which sends the same request by POST.
func (s *server) ask(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, `<!doctype html><title>fosite</title><h1>Allow</h1><form method="post"><button type="submit">Allow</button></form>`)
}

func (s *server) allow(w http.ResponseWriter, r *http.Request) {
	request, err := s.oauth.NewAuthorizeRequest(r.Context(), r)
	if err != nil {
		s.oauth.WriteAuthorizeError(r.Context(), w, request, err)
		return
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	response, err := s.oauth.NewAuthorizeResponse(r.Context(), request, session())
	if err != nil {
		s.oauth.WriteAuthorizeError(r.Context(), w, request, err)
		return
	}
	s.oauth.WriteAuthorizeResponse(r.Context(), w, request, response)
}

func (s *server) token(w http.ResponseWriter, r *http.Request) {
	request, err := s.oauth.NewAccessRequest(r.Context(), r, session())
	if err != nil {
		s.oauth.WriteAccessError(r.Context(), w, request, err)
		return
	}
	response, err := s.oauth.NewAccessResponse(r.Context(), request)
	if err != nil {
		s.oauth.WriteAccessError(r.Context(), w, request, err)
		return
	}
	s.oauth.WriteAccessResponse(r.Context(), w, request, response)
}

func (s *server) introspect(w http.ResponseWriter, r *http.Request) {
	_, token, err := s.oauth.IntrospectToken(r.Context(), r.FormValue("token"), fosite.AccessToken, session())
	if err != nil {
		answer(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	scope := ""
	for _, s := range token.GetGrantedScopes() {
		scope += s + " "
	}
	answer(w, http.StatusOK, map[string]any{"active": true, "sub": "ada", "scope": scope})
}

func session() fosite.Session { return &fosite.DefaultSession{Subject: "ada", Username: "ada"} }

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
