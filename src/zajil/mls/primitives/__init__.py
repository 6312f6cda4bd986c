"""TLS presentation language, cipher suites, HPKE and the labelled primitives of RFC 9420 chapter 5."""
