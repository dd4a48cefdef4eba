//! Names, requests, certificates and revocation lists as DER: build, parse, check.
