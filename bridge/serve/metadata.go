package serve

import (
	"encoding/json"
	"net/http"
	"strings"
)

// resourceMetadata answers with what RFC 9728 §2 says of a protected resource.
func (c Config) resourceMetadata(w http.ResponseWriter, r *http.Request) {
	name, endpoint := r.PathValue("server"), r.PathValue("endpoint")
	server, _, _ := strings.Cut(name, "@")
	if (endpoint != "mcp" && endpoint != "sse") || !c.Knows(server) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(w).Encode(struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported,omitempty"`
		Methods  []string `json:"bearer_methods_supported"`
		Name     string   `json:"resource_name"`
	}{c.Base() + "/" + name + "/" + endpoint, c.Issuers, c.Scopes, []string{"header"}, server + " through Drawbridge"})
}
