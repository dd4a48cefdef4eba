//! A PKCS#11 module for tests that lets a file plug, pull and lock a SoftHSM token.
