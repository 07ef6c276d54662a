package adopt

import (
	"crypto/md5" //nolint:gosec // mcp-remote's choice; it names a file
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// key is the name under which mcp-remote files a sign-in: the MD5 of all that
// decides what is signed in to. Header values are as they stand in the command
// line, before ${VARIABLE} is replaced. (mcp-remote 0.15.1, getServerUrlHash;
// releases before 0.14, 0.7 and 0.6 lacked the last three, which are left out
// when empty.)
func (c commandLine) key() string {
	parts := []string{c.url}
	if c.resource != "" {
		parts = append(parts, c.resource)
	}
	if len(c.authorize) > 0 {
		parts = append(parts, sortedJSON(c.authorize))
	}
	if len(c.headers) > 0 {
		parts = append(parts, sortedJSON(c.headers))
	}
	for _, s := range []string{c.clientMetadataURL, c.tokenEndpoint} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return keyOf(strings.Join(parts, "|"))
}

// oldKey is the key of releases up to 0.1.29, which knew the address only.
func (c commandLine) oldKey() string { return keyOf(c.url) }

func keyOf(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// sortedJSON is JSON.stringify(object, Object.keys(object).sort()).
func sortedJSON(m map[string]string) string {
	members := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		members = append(members, scriptString(name)+":"+scriptString(m[name]))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// scriptString is JSON.stringify of a string: encoding/json escapes more.
func scriptString(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r < ' ' && strings.ContainsRune("\b\t\n\f\r", r):
			out.WriteString(map[rune]string{'\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`}[r])
		case r < ' ':
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
