package guard

// Preset is what an issuer of access tokens does in its own way.
type Preset struct {
	// Issuer is fixed, or the form that it has.
	Issuer string
	// UserClaim, AudienceClaim, AnyEmail, ScopeClaims and RoleClaims are those of Claims.
	UserClaim, AudienceClaim string
	AnyEmail                 string
	ScopeClaims, RoleClaims  []string
}

// Presets by their names in the settings.
var Presets = map[string]Preset{
	"okta":     {Issuer: "https://DOMAIN.okta.com/oauth2/default", ScopeClaims: []string{"scp"}, RoleClaims: []string{"groups"}},
	"google":   {Issuer: "https://accounts.google.com"}, // ID tokens; its access tokens are opaque
	"azure":    {Issuer: "https://login.microsoftonline.com/TENANT/v2.0", UserClaim: "oid", AnyEmail: "xms_edov", ScopeClaims: []string{"scp"}, RoleClaims: []string{"roles", "groups"}},
	"auth0":    {Issuer: "https://DOMAIN.auth0.com/", ScopeClaims: []string{"scope", "permissions"}},
	"cognito":  {Issuer: "https://cognito-idp.REGION.amazonaws.com/POOL", AudienceClaim: "client_id", RoleClaims: []string{"cognito:groups"}}, // its access tokens have no aud
	"keycloak": {Issuer: "https://HOST/realms/REALM", RoleClaims: []string{"roles", "groups"}},
}

// Apply fills in what the claims leave open.
func (p Preset) Apply(c Claims) Claims {
	if c.UserClaim == "" {
		c.UserClaim = p.UserClaim
	}
	if c.AudienceClaim == "" {
		c.AudienceClaim = p.AudienceClaim
	}
	if c.AnyEmail == "" {
		c.AnyEmail = p.AnyEmail
	}
	if c.ScopeClaims == nil {
		c.ScopeClaims = p.ScopeClaims
	}
	if c.RoleClaims == nil {
		c.RoleClaims = p.RoleClaims
	}
	return c
}
