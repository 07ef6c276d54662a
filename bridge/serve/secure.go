package serve

import "net/http"

// What every answer says to a browser that shows or embeds it. The slices are
// shared by all answers; nothing appends to them.
var (
	noSniff    = []string{"nosniff"}
	noStore    = []string{"no-store"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	noFrame    = []string{"DENY"}
	noReferrer = []string{"no-referrer"}
	sameOrigin = []string{"same-origin"}
	onlyTLS    = []string{"max-age=31536000"}
)

// secure puts headers on every answer: it is data, not a page, for nobody to keep,
// to frame or to guess the kind of.
func (c Config) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = noSniff
		h["Cache-Control"] = noStore
		h["Content-Security-Policy"] = noContent
		h["X-Frame-Options"] = noFrame
		h["Referrer-Policy"] = noReferrer
		h["Cross-Origin-Resource-Policy"] = sameOrigin
		// RFC 6797; not for localhost, a name that other programs share.
		if c.Cert != "" && !isLoopback(hostOf(r.Host)) {
			h["Strict-Transport-Security"] = onlyTLS
		}
		next.ServeHTTP(w, r)
	})
}
