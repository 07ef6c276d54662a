package remote

import "net/http"

// TransportOf is the transport beneath a client of NewHTTP.
func TransportOf(c *http.Client) *http.Transport { return c.Transport.(*lasting).now }

// NewPatientReader is the reader of streams on which nothing may come for hours.
var NewPatientReader = newPatientReader
