package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/token"
)

func (a *app) mint() *cobra.Command {
	m := guard.Mint{Access: 30 * time.Minute, Refresh: 7 * 24 * time.Hour}
	file, previous, renew, asJSON := "", "", false, false
	var state stateFlag
	cmd := &cobra.Command{
		Use: "mint", GroupID: "clients",
		Short: "Make tokens for the guard hmac, for development and services",
		Long: `Make an access and a refresh token for drawbridge serve --guard hmac, signed with
the same secret (--hmac-secret-file, ` + hmacVariable + `, or the keychain's; see
drawbridge hmac). The access token is printed first.

With --renew the refresh token is read from standard input and new tokens with the
same rights are made; the old refresh token is good once.`,
		Example: `  drawbridge mint --subject ci --audience bridge
  drawbridge mint --subject ci --audience bridge --scope notes.read --hmac-secret-file s.txt
  drawbridge mint --renew --audience bridge --hmac-secret-file s.txt < refresh.txt`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if renew && state.elsewhere(a) {
				return a.replica(cmd.Context())
			}
			all, err := a.signingSecrets(cmd.Context(), file)
			if err != nil {
				return err
			}
			keys, err := hmacKeys(all, previous)
			if err != nil {
				return err
			}
			now := time.Now()
			var out guard.Minted
			if renew {
				p, err := a.paths()
				if err != nil {
					return err
				}
				raw, err := io.ReadAll(io.LimitReader(a.Stdin, 64<<10))
				if err != nil {
					return fault.Wrap(err, fault.Usage, "The refresh token cannot be read from standard input.", "Run: drawbridge mint --renew < FILE")
				}
				c := guard.Claims{Issuer: m.Issuer, AnyAudience: m.Audience == "", Leeway: 30 * time.Second}
				if m.Audience != "" {
					c.Audience = []string{m.Audience}
				}
				shared, err := state.open(cmd.Context(), a, p)
				if err != nil {
					return err
				}
				defer func() { _ = shared.Close() }()
				if out, err = guard.Renew(cmd.Context(), secret.New(strings.TrimSpace(string(raw))), c, keys, shared.Denied, m.Access, m.Refresh, now); err != nil {
					return fault.Wrap(err, fault.Refused, "No new tokens: the "+err.Error()+".", "Mint new ones with --subject.")
				}
			} else if m.Subject == "" || m.Audience == "" || m.Access <= 0 {
				return fault.New(fault.Usage, "A token wants a subject, an audience, and time to live.", "Such as: drawbridge mint --subject ci --audience bridge")
			} else if out, err = m.Tokens(keys[0], now); err != nil {
				return asUsage(err)
			}
			if asJSON {
				return json.NewEncoder(a.Stdout).Encode(map[string]any{
					"access_token": out.Access.Reveal(), "refresh_token": out.Refresh.Reveal(), "token_type": "Bearer",
					"expires_in": int(time.Until(out.Expires).Seconds()), "jti": out.AccessID,
				})
			}
			if _, err := fmt.Fprintln(a.Stdout, out.Access.Reveal()); err != nil || out.Refresh.IsZero() {
				return err
			}
			_, err = fmt.Fprintln(a.Stdout, out.Refresh.Reveal())
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&m.Subject, "subject", "", "whom the token is for (`NAME`)")
	f.StringVar(&m.Email, "email", "", "their `ADDRESS`")
	f.StringVar(&m.Audience, "audience", "", "the `AUDIENCE` that the bridge wants")
	f.StringVar(&m.Issuer, "issuer", "", "the `ISSUER` that the bridge wants, if any")
	f.StringArrayVar(&m.Scopes, "scope", nil, "a `SCOPE` (repeatable)")
	f.StringArrayVar(&m.Roles, "role", nil, "a `ROLE` (repeatable)")
	f.DurationVar(&m.Access, "access", m.Access, "lifetime of the access token")
	f.DurationVar(&m.Refresh, "refresh", m.Refresh, "lifetime of the refresh token; 0: none")
	f.StringVar(&file, "hmac-secret-file", "", "`FILE` with the secret (default: "+hmacVariable+", else the keychain)")
	f.StringVar(&previous, "hmac-previous-file", "", "with --renew: `FILE` with the secret that was before and still counts")
	state.register(cmd)
	f.BoolVar(&renew, "renew", false, "read a refresh token from standard input and make new tokens")
	f.BoolVar(&asJSON, "json", false, "print JSON, as a token endpoint does")
	return cmd
}

func (a *app) deny() *cobra.Command {
	d, life, readToken, undo := guard.Denial{}, time.Duration(0), false, false
	var state stateFlag
	cmd := &cobra.Command{
		Use: "deny", GroupID: "clients",
		Short: "Refuse a token or a caller at the local bridge",
		Long: `Refuse a token, by its id (jti) or by itself, or everything of a caller, at
drawbridge serve, from within a second on. A token is kept as a hash only, and as
long as it says that it is good. --undo takes a refusal back.`,
		Example: "  drawbridge deny --jti 4F2K…\n  drawbridge deny --subject ada --for 24h\n  drawbridge deny --subject ada --undo\n  drawbridge deny --token < token.txt",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state.elsewhere(a) {
				return a.replica(cmd.Context())
			}
			if readToken {
				raw, err := io.ReadAll(io.LimitReader(a.Stdin, 64<<10))
				if err != nil || len(strings.TrimSpace(string(raw))) == 0 {
					return fault.New(fault.Usage, "There is no token on standard input.", "Run: drawbridge deny --token < FILE")
				}
				token := secret.New(strings.TrimSpace(string(raw)))
				d.Token, d.Until = guard.HashOf(token).String(), endOf(token)
			}
			if life < 0 {
				return fault.New(fault.Usage, "--for is how long from now on, and cannot be negative.", "Such as: drawbridge deny --subject ada --for 24h")
			}
			if d.ID == "" && d.Subject == "" && d.Token == "" {
				return fault.New(fault.Usage, "It is not said what to refuse.", "Give --jti, --subject or --token.")
			}
			p, err := a.paths()
			if err != nil {
				return err
			}
			if life > 0 {
				d.Until = time.Now().Add(life)
			}
			shared, err := state.open(cmd.Context(), a, p)
			if err != nil {
				return err
			}
			defer func() { _ = shared.Close() }()
			if undo {
				return a.allow(cmd.Context(), shared.Denied, d)
			}
			if err := shared.Denied.Deny(cmd.Context(), d); err != nil {
				return fault.Wrap(err, fault.Storage, "The denylist cannot be written.", "Check that the folder "+p.Bridge()+" is yours, or that the shared state answers.")
			}
			what := "token id " + d.ID
			switch {
			case d.Subject != "":
				what = "all of the caller"
			case d.Token != "":
				what = "a token"
			}
			a.note(audit.Entry{Event: "revoked", Subject: d.Subject, Reason: what})
			fmt.Fprintln(a.Stderr, "Refused from now on.")
			return nil
		},
	}
	f := cmd.Flags()
	state.register(cmd)
	f.StringVar(&d.ID, "jti", "", "the `ID` of a token or an API key")
	f.StringVar(&d.Subject, "subject", "", "a caller's `NAME`")
	f.BoolVar(&readToken, "token", false, "read the token from standard input")
	f.BoolVar(&undo, "undo", false, "take back what was refused")
	f.DurationVar(&life, "for", 0, "for this `TIME` only, such as the token's remaining life")
	return cmd
}

// endOf is when a token says that it ends, and what clocks may differ; zero when it
// does not say.
func endOf(t secret.String) time.Time {
	d, err := token.DecodeUnverified(t)
	if err != nil {
		return time.Time{}
	}
	for _, c := range d.Claims {
		var exp float64
		if c.Name == "exp" && json.Unmarshal(c.Value, &exp) == nil && exp > 0 && exp < 1e11 {
			return time.Unix(int64(exp), 0).Add(guard.MaxLeeway)
		}
	}
	return time.Time{}
}

// allow takes a refusal back.
func (a *app) allow(ctx context.Context, denied guard.Denylist, d guard.Denial) error {
	found, err := denied.Allow(ctx, d)
	if err != nil {
		return fault.Wrap(err, fault.Storage, "The denylist cannot be written.", "Check that its folder is yours, or that the shared state answers.")
	}
	if !found {
		return fault.New(fault.Usage, "Nothing of the kind was refused.", "See what was: drawbridge audit export")
	}
	a.note(audit.Entry{Event: "allowed again", Subject: d.Subject, Reason: "taken back from the denylist"})
	fmt.Fprintln(a.Stderr, "No longer refused.")
	return nil
}
