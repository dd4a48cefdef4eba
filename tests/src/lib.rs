//! Whole journeys: real browser, extension, host, token and server.
