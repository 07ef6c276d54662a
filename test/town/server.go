package town

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Customer is the address of the MCP server that Protected is.
const Customer = "https://mcp.example.com/mcp"

// CustomerHost is its host.
const CustomerHost = "mcp.example.com"

const metadataPath = "/.well-known/oauth-protected-resource/mcp"

// Protected is an MCP server that takes the tokens of an issuer which admits
// says are good for it.
func Protected(issuer string, admits func(token string) bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+metadataPath, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"resource": Customer, "authorization_servers": []string{issuer}})
	})
	mux.HandleFunc("POST /mcp", func(w http.ResponseWriter, r *http.Request) {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		_ = json.NewDecoder(r.Body).Decode(&m)
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		result := map[string]any{"tools": []any{}}
		switch {
		case !bearer || !admits(token):
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="https://`+CustomerHost+metadataPath+`"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		case len(m.ID) == 0:
			w.WriteHeader(http.StatusAccepted)
			return
		case m.Method == "initialize":
			result = map[string]any{
				"protocolVersion": "2025-11-25", "capabilities": map[string]any{"tools": map[string]any{}},
				"serverInfo": map[string]any{"name": "crm", "version": "1"},
			}
		}
		answer(w, map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result})
	})
	return mux
}

func answer(w http.ResponseWriter, doc any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(doc)
}
