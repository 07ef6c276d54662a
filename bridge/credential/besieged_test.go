package credential_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestBesiegedSignInStillCompletes: a sign-in is pending, and all that can be done
// to it from outside is done at once. The servers turn hostile, so that whoever
// asks them again is led astray; forged answers come to the callback; connections
// to it say nothing, half of something, or too much. The person's own answer counts
// all the same, at the servers that were looked at before the browser opened.
func TestBesiegedSignInStillCompletes(t *testing.T) {
	s, thief := newScript(t), newScript(t)
	a, p := s.account(nil), &passer{t: t}
	var stuck []net.Conn
	p.before = func(address string) {
		u, err := url.Parse(address)
		if err != nil {
			t.Error(err)
			return
		}
		s.on(atIssuer, sends(200, s.metadata(object{"issuer": thief.URL, "authorization_endpoint": "file:///etc/passwd", "token_endpoint": thief.URL + "/token"})))
		s.on(atResource, sends(200, s.resource(object{"resource": "https://bank.example/mcp", "authorization_servers": []string{thief.URL}})))
		s.on(atRegister, redirects(307, thief.URL+"/register"))
		back, err := url.Parse(u.Query().Get("redirect_uri"))
		if err != nil {
			t.Error(err)
			return
		}
		for _, begins := range []string{
			"", "GET", "GET " + back.Path + "?code=", "GET " + back.Path + "?code=x&state=y HTTP/1.1\r\nHost: " + back.Host + "\r\nX: ",
			"POST " + back.Path + " HTTP/1.1\r\nHost: " + back.Host + "\r\nContent-Length: 1000000000\r\n\r\ncode=x",
		} {
			for range 8 {
				conn, err := net.Dial("tcp", back.Host)
				if err != nil {
					t.Error(err)
					return
				}
				stuck = append(stuck, conn)
				_, _ = io.WriteString(conn, begins)
			}
		}
		forged := back.String() + "?"
		for _, answer := range []string{
			"code=forged&state=guess&iss=" + url.QueryEscape(s.base), "error=access_denied&state=guess", "code=forged&state=" + strings.Repeat("x", 16<<10),
		} {
			if page := visit(t, forged+answer); strings.Contains(page, "Signed in") || strings.Contains(page, "forged") {
				t.Errorf("%.60s: the page says %s", answer, page)
			}
		}
	}
	err := p.signIn(a)
	for _, conn := range stuck {
		_ = conn.Close()
	}
	if err != nil || bearer(t, a).Reveal() != "a1" || !strings.Contains(p.last, "Signed in to notes") {
		t.Fatalf("the person's own answer: %v; the browser ended on %s", err, p.last)
	}
	if got := s.requests(atToken); len(got) != 1 || got[0].form.Get("code") != "code1" {
		t.Errorf("redeemed: %+v", got)
	}
	if n := len(thief.requests("")); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

// TestKeysWithoutEnd: the key set of a provider that is slow, endless or a bomb,
// over real sockets. The token is explained all the same, its signature unknown.
func TestKeysWithoutEnd(t *testing.T) {
	zeros := &bytes.Buffer{}
	zip := gzip.NewWriter(zeros)
	for range 64 {
		_, _ = zip.Write(make([]byte, 1<<20))
	}
	_ = zip.Close()
	for name, keys := range map[string]http.HandlerFunc{
		"endless": endless,
		"a bomb of zeros, packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zeros.Bytes())
		},
		"in drips": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "{")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			s.on(atIssuer, sends(200, s.metadata(object{"jwks_uri": s.base + "/jwks"})))
			s.on(atKeys, keys)
			s.on(atToken, sends(200, s.tokens(object{"access_token": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.c2ln"})))
			a, p := s.account(nil), &passer{t: t}
			if err := p.signIn(a); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if name == "in drips" { // it is given up in the middle; slow_test.go has its own end
				s.on(atKeys, func(w http.ResponseWriter, r *http.Request) {
					cancel()
					keys(w, r)
				})
			}
			began := time.Now()
			r, err := a.Report(ctx)
			if err != nil && !errors.Is(err, context.Canceled) || err == nil && (r.Format != "jwt" || r.Signature.Verdict == "valid") {
				t.Errorf("%+v, %v", r, err)
			}
			if took := time.Since(began); took > longEnough || len(s.requests(atKeys)) == 0 {
				t.Errorf("it took %v, %d requests", took, len(s.requests(atKeys)))
			}
			t.Logf("%s: verdict %q, %v", name, r.Signature.Verdict, err)
		})
	}
}
