package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

const (
	// host is the only Host header that is answered: a web page that got a
	// browser to speak to the socket could not name it.
	host = "agent.drawbridge"
	// maxBody bounds a request's body.
	maxBody = 1 << 20
	// maxWait bounds one long poll; the client asks again.
	maxWait = 30 * time.Second
	// writeTimeout bounds one write to a reader; who takes longer is gone.
	writeTimeout = 10 * time.Second
	// shutdownGrace is what requests under way get when the agent ends.
	shutdownGrace = 2 * time.Second
)

// Service answers the control API.
type Service struct {
	backend   Backend
	log       *slog.Logger
	heartbeat time.Duration
	// readTimeout bounds the arrival of one request.
	readTimeout time.Duration
	// grace is shutdownGrace, unless a test has time.
	grace time.Duration

	mu     sync.Mutex
	active int
	quiet  time.Time // since when active is 0
}

// NewService makes a service that asks backend.
func NewService(backend Backend, log *slog.Logger) *Service {
	return &Service{backend: backend, log: log, heartbeat: heartbeatEvery, readTimeout: quick, grace: shutdownGrace, quiet: time.Now()}
}

// Serve answers on l until ctx ends, then closes l. Requests under way get a
// moment to finish; streams end at once.
func (s *Service) Serve(ctx context.Context, l net.Listener) error {
	streams, endStreams := context.WithCancel(ctx)
	defer endStreams()
	server := &http.Server{
		Handler:           s.guard(s.routes()),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       s.readTimeout,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return streams },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return errors.Join(errors.New("control API ended by itself"), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.grace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close()
	}
	<-ended
	return nil
}

// Quiet returns for how long nobody has used the API; 0 while somebody does.
func (s *Service) Quiet() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active > 0 {
		return 0
	}
	return time.Since(s.quiet)
}

func (s *Service) enter(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active += by
	s.quiet = time.Now()
}

// guard turns away what no client of ours sends, browsers above all.
func (s *Service) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		report := r.URL.Path == reportPath
		if !report { // who only tells does not use the agent
			s.enter(1)
			defer s.enter(-1)
		}
		if r.Host != host || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Sec-Fetch-Mode") != "" {
			writeProblem(w, http.StatusForbidden, &Problem{Code: fault.Usage, What: "The agent answers Drawbridge only."})
			return
		}
		if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json" {
			writeProblem(w, http.StatusUnsupportedMediaType, &Problem{Code: fault.Usage, What: "The agent takes JSON only."})
			return
		}
		if !report { // its lines are bounded
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/snapshot", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, s.backend.Feed().Snapshot())
	})
	mux.HandleFunc("GET /v1/changes", s.changes)
	mux.HandleFunc("GET /v1/activity", s.activity)
	mux.HandleFunc("POST "+reportPath, s.report)
	mux.HandleFunc("POST /v1/servers", handle(s, func(ctx context.Context, _ *http.Request, server config.Server) (any, error) {
		return nil, s.backend.AddServer(ctx, server)
	}))
	mux.HandleFunc("DELETE /v1/servers/{name}", handle(s, func(ctx context.Context, r *http.Request, _ none) (any, error) {
		problem, err := s.backend.RemoveServer(ctx, r.PathValue("name"))
		return Warning{problem}, err
	}))
	mux.HandleFunc("DELETE /v1/accounts/{key}", handle(s, func(ctx context.Context, r *http.Request, _ none) (any, error) {
		problem, err := s.backend.RemoveAccount(ctx, r.PathValue("key"))
		return Warning{problem}, err
	}))
	mux.HandleFunc("POST /v1/signins", handle(s, func(ctx context.Context, _ *http.Request, req SignInRequest) (any, error) {
		return s.backend.StartSignIn(ctx, req)
	}))
	mux.HandleFunc("GET /v1/signins/{id}", handle(s, func(ctx context.Context, r *http.Request, _ none) (any, error) {
		wait, _ := time.ParseDuration(r.URL.Query().Get("wait")) // none given: answer at once
		return s.backend.WaitSignIn(ctx, r.PathValue("id"), r.URL.Query().Get("seen"), min(wait, maxWait))
	}))
	mux.HandleFunc("DELETE /v1/signins/{id}", handle(s, func(ctx context.Context, r *http.Request, _ none) (any, error) {
		return nil, s.backend.CancelSignIn(ctx, r.PathValue("id"))
	}))
	mux.HandleFunc("POST /v1/signins/cancel", handle(s, func(ctx context.Context, _ *http.Request, target Target) (any, error) {
		return nil, s.backend.CancelSignIns(ctx, target.Key)
	}))
	mux.HandleFunc("POST /v1/signout", handle(s, func(ctx context.Context, _ *http.Request, target Target) (any, error) {
		problem, err := s.backend.SignOut(ctx, target)
		return Warning{problem}, err
	}))
	mux.HandleFunc("POST /v1/signout-everywhere", handle(s, func(ctx context.Context, _ *http.Request, _ none) (any, error) {
		return s.backend.SignOutEverywhere(ctx)
	}))
	mux.HandleFunc("GET /v1/servers/{key}/token", handle(s, func(ctx context.Context, r *http.Request, _ none) (any, error) {
		return s.backend.Token(ctx, r.PathValue("key"))
	}))
	mux.HandleFunc("GET /v1/servers/{key}/token/difference", handle(s, func(ctx context.Context, r *http.Request, _ none) (any, error) {
		return s.backend.TokenDifference(ctx, r.PathValue("key"))
	}))
	mux.HandleFunc("POST /v1/servers/{key}/token/ask", handle(s, func(ctx context.Context, r *http.Request, _ none) (any, error) {
		return s.backend.AskToken(ctx, r.PathValue("key"))
	}))
	mux.HandleFunc("POST /v1/servers/{key}/token/copy", handle(s, func(ctx context.Context, r *http.Request, _ none) (any, error) {
		return nil, s.backend.CopyToken(ctx, r.PathValue("key"))
	}))
	mux.HandleFunc("POST /v1/doctor", s.doctor)
	mux.HandleFunc("POST /v1/need", handle(s, func(ctx context.Context, _ *http.Request, target Target) (any, error) {
		return s.backend.Need(ctx, target)
	}))
	mux.HandleFunc("POST /v1/window", handle(s, func(ctx context.Context, _ *http.Request, _ none) (any, error) {
		return nil, s.backend.OpenWindow(ctx)
	}))
	mux.HandleFunc("POST /v1/keep", handle(s, func(ctx context.Context, _ *http.Request, _ none) (any, error) {
		return nil, s.backend.Keep(ctx)
	}))
	mux.HandleFunc("POST /v1/stop", handle(s, func(context.Context, *http.Request, none) (any, error) {
		s.backend.Stop()
		return nil, nil
	}))
	s.entryRoutes(mux)
	s.preferenceRoutes(mux)
	s.secretRoutes(mux)
	s.connectionRoutes(mux)
	s.demoRoutes(mux)
	s.captureRoutes(mux)
	return mux
}

// none is the body of a request that has none.
type none struct{}

// handle reads a request's body as a T (unless T is none), runs do, and writes
// its answer, 204 for nil, or its error.
func handle[T any](s *Service, do func(context.Context, *http.Request, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body T
		if _, empty := any(body).(none); !empty {
			if err := readJSON(r.Body, &body); err != nil {
				writeProblem(w, http.StatusBadRequest, &Problem{Code: fault.Usage, What: "The agent cannot read that request.", Next: "Update Drawbridge, then restart its agent."})
				return
			}
		} else {
			_, _ = io.Copy(io.Discard, r.Body) // until it is read, nobody notices that the client goes
		}
		answer, err := do(r.Context(), r, body)
		switch {
		case err != nil:
			s.log.Debug("request refused", "method", r.Method, "path", r.URL.Path, "error", err)
			problem := ProblemOf(err)
			writeProblem(w, statusOf(problem.Code), problem)
		case answer == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			writeJSON(w, answer)
		}
	}
}

func readJSON(r io.Reader, into any) error {
	dec := json.NewDecoder(r)
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nobody to tell
}

func writeProblem(w http.ResponseWriter, status int, p *Problem) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p)
}

func statusOf(code fault.Code) int {
	switch code {
	case fault.Usage, fault.BadURL:
		return http.StatusBadRequest
	case fault.UnknownServer, fault.NotSignedIn:
		return http.StatusNotFound
	case fault.ServerExists, fault.ForeignEntry, fault.FileChanged:
		return http.StatusConflict
	case fault.Unreachable:
		return http.StatusBadGateway
	default:
		return http.StatusInternalServerError
	}
}
