package network

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"drawbridge/bridge/fault"
)

// Explain says in words why a connection came to nothing: what is wrong with the
// certificate and whose it is, what the server or proxy wants. ok is false for
// what it knows nothing of. host is whom the request was for; it is quoted.
func Explain(err error, host string) (what, next string, ok bool) {
	host = strconv.QuoteToGraphic(host)
	var settings *fault.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &settings):
		p := fault.Public(settings)
		return p.What, p.Next, true
	case errors.As(err, &certificate):
		what, next = explainCertificate(certificate, host)
		return what, next, true
	case errors.As(err, &record):
		return fmt.Sprintf("%s does not answer in TLS.", host), "Check the address and its port: something else than https answers there.", true
	case errors.As(err, &op) && op.Op == "remote error": // a TLS alert, whose type crypto/tls does not show
		text := op.Err.Error()
		for _, about := range []string{"certificate required", "bad certificate", "unknown certificate", "handshake failure"} {
			if strings.Contains(text, about) {
				return fmt.Sprintf("%s does not accept the client certificate, or wants one (%s).", host, text),
					"Give the certificate that your company issued: --client-cert FILE --client-key FILE", true
			}
		}
		return fmt.Sprintf("%s ends the TLS connection (%s).", host, text), "Check the server's address; if it is right, tell whoever runs it.", true
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return fmt.Sprintf("The proxy on the way to %s cannot be reached.", host), "Check HTTPS_PROXY or --proxy; --proxy none goes straight.", true
	case proxyRefused(err):
		return fmt.Sprintf("The proxy on the way to %s refuses: %s.", host, strconv.QuoteToGraphic(short(innermost(err).Error()))),
			"Check HTTPS_PROXY or --proxy; NO_PROXY or --proxy none go straight.", true
	}
	return "", "", false
}

func explainCertificate(err *tls.CertificateVerificationError, host string) (what, next string) {
	whose := ""
	if len(err.UnverifiedCertificates) > 0 {
		c := err.UnverifiedCertificates[0]
		whose = fmt.Sprintf(" (subject %s, issuer %s)", name(c.Subject.String()), name(c.Issuer.String()))
	}
	var unknown x509.UnknownAuthorityError
	var wrong x509.HostnameError
	var invalid x509.CertificateInvalidError
	const danger = "Do not go on if somebody may be in between."
	switch {
	case errors.As(err.Err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("The certificate of %s%s is not valid today: it has ended or not begun.", host, whose),
			"Check this computer's clock; if it is right, tell whoever runs the server."
	case errors.As(err.Err, &wrong):
		return fmt.Sprintf("The certificate of %s%s is for another host.", host, whose), "Check the server's address. " + danger
	case errors.As(err.Err, &unknown):
		return fmt.Sprintf("The certificate of %s%s is not trusted: nobody whom this computer trusts has issued it.", host, whose),
			"If it is your company's own authority, add its certificate: --ca-file FILE (or to the system's trust store). " + danger
	}
	return fmt.Sprintf("The certificate of %s%s is not trusted.", host, whose),
		"Check this computer's clock and its trusted certificates. " + danger
}

// proxyRefused: net/http gives the status text of a failed CONNECT as the error,
// with the address of the request and nothing else.
func proxyRefused(err error) bool {
	var u *url.Error
	if !errors.As(err, &u) {
		return false
	}
	text := innermost(err).Error()
	return strings.HasSuffix(text, "Proxy Authentication Required") || text == "Forbidden" || text == "Bad Gateway" || text == "Service Unavailable" || text == "Gateway Timeout"
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// name is a distinguished name as a message shows it: somebody else wrote it.
func name(s string) string {
	if s == "" {
		return "without a name"
	}
	return strconv.QuoteToGraphic(short(s))
}

func short(s string) string {
	const most = 160
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
